/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chains that are lent to the uplink (R16): they come back in any order, once, to the ring that
 * they were of; and the driver's memory is its own again only then.
 */
#include "bench.h"

#include "lib/errno.h"
#include "net/lend.h"
#include "net/poll.h"

#define STATUS 0x14 /* in the common configuration */

static struct lent held[5 * QSIZE];
static unsigned int lent;
static bool lends;

static int keeps(struct port *port, struct packet *pkt)
{
	(void)port;
	if (lends) {
		held[lent++] = lend_chain(pkt->lender, pkt->chain);
		pkt->lent = true;
	}
	return 0;
}

static bool has_room(struct port *port)
{
	(void)port;
	return true;
}

static int takes_nothing(struct port *port)
{
	(void)port;
	return 0;
}

static bool sleeps(struct port *port)
{
	(void)port;
	return true;
}

static const struct port_ops ops = {
	.deliver = keeps,
	.has_room = has_room,
	.take = takes_nothing,
	.sleep = sleeps,
};
static struct port wire;

static int begin(void **state)
{
	setup(state);
	wire = (struct port){ .ops = &ops, .name = "wire", .mac = "\x02\0\0\0\0\x09" };
	assert_int_equal(switch_add(&sw, &wire), 0);
	switch_set_uplink(&sw, &wire);
	lent = 0;
	lends = true;
	lend_recalled();
	return 0;
}

static void send_to_wire(unsigned int n, uint32_t seed)
{
	while (n--) {
		make_frame(frame, 200, wire.mac, mac(1), seed);
		drv_send(&d[1], &plain, frame, 200);
	}
	drv_kick(&d[1], VNET_TX);
	poll_run();
}

static uint16_t used(void)
{
	return drv_used(&d[1], VNET_TX)[1];
}

static uint32_t status(void)
{
	return vm_in(d[1].vm, d[1].port + STATUS, 1);
}

static void test_any_order(void **state)
{
	static const unsigned int order[] = { 2, 0, 4, 1, 3 };
	uint16_t heads[5];

	(void)state;
	send_to_wire(5, 1);
	assert_int_equal(lent, 5);
	assert_int_equal(vn[1]->lender.out, 5);
	assert_int_equal(used(), 0);
	for (unsigned int i = 0; i < 5; i++)
		heads[i] = held[i].chain;
	for (unsigned int i = 0; i < 5; i++) {
		lend_end(&held[order[i]]);
		lend_end(&held[order[i]]);
		assert_int_equal(used(), i); /* with the next batch */
		poll_run();
		assert_int_equal(used(), i + 1);
		assert_int_equal(drv_used_elem(&d[1], VNET_TX, i).id, heads[order[i]]);
	}
	assert_int_equal(vn[1]->lender.out, 0);
}

/* What is copied in between is done with at once. */
static void test_others_pass_by(void **state)
{
	(void)state;
	send_to_wire(1, 1);
	lends = false;
	send_to_wire(3, 2);
	assert_int_equal(used(), 3);
	lend_end(&held[0]);
	poll_run();
	assert_int_equal(used(), 4);
	assert_int_equal(drv_used_elem(&d[1], VNET_TX, 3).id, 0);
}

/* A driver that sleeps until its frames are gone. */
static void test_it_is_told(void **state)
{
	unsigned int before;

	(void)state;
	drv_set_used_event(&d[1], VNET_TX, 1); /* at the second */
	send_to_wire(2, 1);
	for (int i = 0; i < 3; i++)
		fake_pass_us(500);
	assert_null(fake_timer); /* all ports sleep */
	before = fake_msis + fake_pin_changes;
	lend_end(&held[1]);
	poll_run();
	assert_int_equal(fake_msis + fake_pin_changes, before);
	lend_end(&held[0]);
	poll_run();
	assert_int_equal(fake_msis + fake_pin_changes, before); /* no other's interrupt came */
	for (int i = 0; i < 3; i++)
		fake_pass_us(500);
	assert_int_equal(fake_msis + fake_pin_changes, before + 1);
}

/* virtio 1.2 4.1.4.3.2: a reset is over when the driver reads 0. */
static void test_reset_waits(void **state)
{
	(void)state;
	send_to_wire(2, 1);
	assert_false(lend_recalled());
	vm_out(d[1].vm, d[1].port + STATUS, 1, 0);
	assert_true(lend_recalled());
	assert_true(lend_is_recalled(&held[0]));
	assert_int_not_equal(status(), 0);
	lend_end(&held[1]);
	assert_int_not_equal(status(), 0);
	lend_end(&held[0]);
	assert_int_equal(status(), 0);
	assert_int_equal(used(), 0);
	vm_out(d[1].vm, d[1].port + STATUS, 1, 0);
	assert_false(lend_recalled());
}

/* A driver that does not wait gets no chain of its earlier life. */
static void test_reset_without_waiting(void **state)
{
	(void)state;
	send_to_wire(3, 1);
	drv_start(&d[1], vn[1], DRV_ALL);
	lends = false;
	send_to_wire(1, 2);
	assert_int_equal(used(), 1);
	for (unsigned int i = 0; i < 3; i++)
		lend_end(&held[i]);
	poll_run();
	assert_int_equal(used(), 1);
	assert_int_equal(vn[1]->lender.out, 0);
}

static void test_killed(void **state)
{
	(void)state;
	send_to_wire(2, 1);
	vm_kill(d[1].vm, "the test says so");
	lend_end(&held[0]);
	lend_end(&held[1]);
	poll_run();
	assert_int_equal(used(), 0);
	assert_int_equal(vn[1]->lender.out, 0);
}

/* The same chain again and again, while it is lent: as often as it was shown, and no more. */
static void test_hostile_ring(void **state)
{
	(void)state;
	send_to_wire(1, 1);
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < QSIZE; i++)
			drv_publish(&d[1], VNET_TX, held[0].chain);
		drv_kick(&d[1], VNET_TX);
		poll_run();
	}
	assert_int_equal(lent, 1 + 4 * QSIZE);
	assert_int_equal(vn[1]->lender.out, lent);
	for (unsigned int i = 0; i < lent; i++)
		lend_end(&held[i]);
	poll_run();
	assert_int_equal(used(), lent);
	assert_int_equal(vn[1]->lender.out, 0);
	assert_true(vm_alive(d[1].vm));
}

/* How much of the copied head is right in front of the first segment. */
static void test_overlap(void **state)
{
	uint8_t *bytes = got;
	struct packet pkt;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		bytes[i] = i * 7;
	for (uint32_t first = 1; first < 300; first++) {
		struct packet_seg seg[] = { { bytes, 12 },
					    { bytes + 12, first },
					    { bytes + 12 + first, 500 } };
		uint32_t inside =
			PACKET_HEAD_MAX > first ? PACKET_HEAD_MAX - first : PACKET_HEAD_MAX;

		packet_from_segs(&pkt, seg, 3, 12, first + 500);
		assert_int_equal(pkt.overlap, first == PACKET_HEAD_MAX ? 0 : inside);
		assert_memory_equal(pkt.head + pkt.head_len - pkt.overlap,
				    pkt.seg[0].data - pkt.overlap, pkt.overlap);
	}
}

int main(void)
{
#define T(t) cmocka_unit_test_setup(t, begin)
	const struct CMUnitTest tests[] = {
		T(test_any_order),
		T(test_others_pass_by),
		T(test_it_is_told),
		T(test_reset_waits),
		T(test_reset_without_waiting),
		T(test_killed),
		T(test_hostile_ring),
		T(test_overlap),
	};
	int failed = cmocka_run_group_tests_name("lend", tests, NULL, NULL);

	fake_reset();
	return failed;
}
