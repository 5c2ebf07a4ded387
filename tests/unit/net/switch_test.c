/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who gets which frame: locks, learning, floods, the uplink and its moves. R13: each party gets a
 * frame at most once, and exactly once outside a move.
 */
#include "fake.h"

#include "lib/errno.h"

#define PORTS 5 /* 0 and 4 can be the uplink */

struct test_port {
	struct port port;
	unsigned int got;
	uint32_t last;
	int answer;      /* of deliver; when it is no success ... */
	uint32_t resume; /* ... so far the frame got */
};

static struct net_switch sw;
static struct test_port p[PORTS];
static const uint8_t stranger[6] = { 0x02, 0, 0, 0, 0, 0x77 };

static int deliver(struct port *port, struct packet *pkt)
{
	struct test_port *t = container_of(port, struct test_port, port);

	if (t->answer) {
		pkt->resume = t->resume;
		return t->answer;
	}
	t->got++;
	t->last = pkt->head[14];
	return 0;
}

static const struct port_ops ops = { .deliver = deliver };

static int setup(void **state)
{
	(void)state;
	fake_reset();
	memset(&sw, 0, sizeof(sw));
	memset(p, 0, sizeof(p));
	for (int i = 0; i < PORTS; i++) {
		p[i].port.ops = &ops;
		memcpy(p[i].port.mac, (uint8_t[]){ 0x52, 0x54, 0, 0x88, 0, 0x10 + i }, 6);
		assert_int_equal(switch_add(&sw, &p[i].port), 0);
	}
	switch_set_uplink(&sw, &p[0].port);
	return 0;
}

static int send(int from, const uint8_t *to, const uint8_t *source)
{
	struct packet pkt = { .len = 60, .head_len = 60 };

	for (int i = 0; i < PORTS; i++)
		p[i].got = 0;
	make_frame(pkt.head, 60, to, source, 0);
	return switch_input(&sw, &p[from].port, &pkt);
}

/* Bit i: port i got it once. */
static unsigned int got(void)
{
	unsigned int mask = 0;

	for (int i = 0; i < PORTS; i++) {
		assert_true(p[i].got <= 1);
		mask |= p[i].got << i;
	}
	return mask;
}

static const uint8_t *mac(int i)
{
	return p[i].port.mac;
}

static void test_unicast(void **state)
{
	(void)state;
	send(1, mac(2), mac(1));
	assert_int_equal(got(), 1 << 2);
	send(1, stranger, mac(1)); /* unknown: to the uplink only */
	assert_int_equal(got(), 1 << 0);
	send(1, mac(0), mac(1)); /* the driver VM's own address is behind the uplink */
	assert_int_equal(got(), 1 << 0);
	send(0, mac(3), stranger);
	assert_int_equal(got(), 1 << 3);
	send(1, mac(1), mac(1)); /* to itself */
	assert_int_equal(got(), 0);
	assert_int_equal(p[1].port.drops[DROP_FILTERED], 1);
	assert_int_equal(p[1].port.tx.packets, 3);
	assert_int_equal(p[1].port.tx.bytes, 180);
}

static void test_groups(void **state)
{
	static const uint8_t multicast[6] = { 1, 0, 0x5e, 0, 0, 1 };
	static const uint8_t pause[6] = { 1, 0x80, 0xc2, 0, 0, 1 };

	(void)state;
	send(1, broadcast, mac(1));
	assert_int_equal(got(), 0x1d);
	send(0, multicast, stranger);
	assert_int_equal(got(), 0x1e);
	send(1, pause, mac(1)); /* never forwarded */
	assert_int_equal(got(), 0);
	assert_int_equal(sw.floods, 2);
	assert_int_equal(sw.copies, 3 + 3); /* to four ports each */
}

/* Of the frames to the driver VM beside another uplink, those that it got are its sender's. */
static void test_frames_to_one_apart_are_counted(void **state)
{
	(void)state;
	p[3].port.apart = true;
	send(1, mac(3), mac(1));
	send(1, mac(2), mac(1));
	send(1, broadcast, mac(1));
	assert_int_equal(p[1].port.given, 2);
	p[3].answer = -ENOSPC;
	send(1, mac(3), mac(1));
	assert_int_equal(p[1].port.given, 2);
	assert_int_equal(p[3].port.given, 0);
	assert_true(sw.given);
}

/* Drops for want of room count what the wire would have counted. */
static void test_lost_segments(void **state)
{
	struct packet pkt = { .len = 54 + 2500, .head_len = 60, .payload = 54 };

	(void)state;
	pkt.gso = GSO_TCP4;
	pkt.gso_size = 1000;
	make_frame(pkt.head, 60, mac(2), mac(1), 0);
	p[2].answer = -ENOSPC;
	p[2].resume = 1000; /* one of three is out */
	assert_int_equal(switch_input(&sw, &p[1].port, &pkt), 0);
	assert_int_equal(p[2].port.drops[DROP_NO_BUFFER], 2);
	assert_int_equal(p[1].port.tx.wire_frames, 3);
	p[2].resume = 0;
	p[2].answer = -ENODEV;
	assert_int_equal(switch_input(&sw, &p[1].port, &pkt), 0);
	assert_int_equal(p[2].port.drops[DROP_DOWN], 3);
}

static void test_lock(void **state)
{
	(void)state;
	send(1, mac(2), mac(3));
	assert_int_equal(got(), 0);
	send(1, broadcast, stranger);
	assert_int_equal(got(), 0);
	send(1, broadcast, broadcast);
	assert_int_equal(got(), 0);
	assert_int_equal(p[1].port.drops[DROP_SPOOF], 3);
	assert_int_equal(p[1].port.tx.packets, 0);
	send(0, broadcast, mac(1)); /* a guest's frame that the bridge sent back */
	assert_int_equal(got(), 0);
	send(0, mac(2), broadcast); /* no station has a group address */
	assert_int_equal(got(), 0);
	assert_int_equal(p[0].port.drops[DROP_LOOP], 2);
}

/* The driver VM's card gets its bridge's when the twin is attached. */
static void test_an_address_changes(void **state)
{
	const uint8_t before[6] = { 0x52, 0x54, 0, 0x88, 0, 0x10 + 2 };

	(void)state;
	switch_set_address(&sw, &p[2].port, stranger);
	send(1, stranger, mac(1));
	assert_int_equal(got(), 1 << 2);
	send(1, before, mac(1)); /* nobody's: to the uplink only */
	assert_int_equal(got(), 1 << 0);
	send(2, mac(1), before);
	assert_int_equal(got(), 0);
	assert_int_equal(p[2].port.drops[DROP_SPOOF], 1);
	send(2, mac(1), stranger);
	assert_int_equal(got(), 1 << 1);
	for (int i = 1; i < PORTS; i++) {
		send(0, mac(i), (uint8_t[]){ 2, 0, 0, 0, 0, 1 });
		assert_int_equal(got(), 1 << i);
	}
	switch_set_address(&sw, &p[3].port, mac(1)); /* which port 1 keeps */
	send(2, mac(1), stranger);
	assert_int_equal(got(), 1 << 1);
}

/* ARP and IPv4 of a port that has an address; a trunk's are anybody's (identity_test.c). */
static void test_lock_of_ip(void **state)
{
	struct packet pkt = { .len = 60, .head_len = 60 };

	(void)state;
	p[0].port.ip = p[1].port.ip = 0x0a580012;
	make_frame(pkt.head, 60, mac(2), mac(1), 0);
	put_be16(pkt.head + 12, ETHERTYPE_IP4);
	put_be32(pkt.head + 26, 0x0a580012);
	switch_input(&sw, &p[1].port, &pkt);
	put_be32(pkt.head + 26, 0x0a580011);
	switch_input(&sw, &p[1].port, &pkt);
	assert_int_equal(p[1].port.tx.packets, 1);
	assert_int_equal(p[1].port.drops[DROP_SPOOF_IP], 1);
	memcpy(pkt.head + 6, stranger, 6);
	switch_input(&sw, &p[0].port, &pkt);
	assert_int_equal(p[0].port.tx.packets, 1);
}

static void test_learning(void **state)
{
	uint8_t far[6] = { 0x02, 0, 0, 0, 0, 0x99 };

	(void)state;
	p[4].port.trunk = true;
	send(1, far, mac(1)); /* unknown: all trunks */
	assert_int_equal(got(), 0x11);
	send(4, broadcast, far);
	send(1, far, mac(1)); /* learned */
	assert_int_equal(got(), 0x10);
	send(0, broadcast, far); /* it moved */
	send(1, far, mac(1));
	assert_int_equal(got(), 0x01);
	send(0, far, stranger); /* both behind the uplink: not sent back */
	assert_int_equal(got(), 0);
	assert_int_equal(p[0].port.drops[DROP_FILTERED], 1);
	fake_tsc += (SWITCH_AGE_S + 1) * 1000 * tsc_khz;
	send(1, far, mac(1)); /* forgotten */
	assert_int_equal(got(), 0x11);
}

/* The way of the frame before is taken again only while nothing has changed. */
static void test_known_way(void **state)
{
	uint8_t far[6] = { 0x02, 0, 0, 0, 0, 0x99 };

	(void)state;
	p[4].port.trunk = true;
	send(4, broadcast, far);
	for (int i = 0; i < 2; i++) {
		send(1, far, mac(1));
		assert_int_equal(got(), 1 << 4);
	}
	send(2, far, mac(1)); /* another's frame of the same stations */
	assert_int_equal(got(), 0);
	assert_int_equal(p[2].port.drops[DROP_SPOOF], 1);
	send(1, far, mac(1));
	send(0, mac(2), far); /* it moved */
	send(1, far, mac(1));
	assert_int_equal(got(), 1 << 0);
	switch_set_uplink(&sw, &p[4].port); /* what was behind port 0 is unknown */
	send(1, far, mac(1));
	assert_int_equal(got(), 1 << 4);
	send(4, mac(1), stranger);
	switch_set_address(&sw, &p[1].port, far);
	send(4, mac(1), stranger); /* its own now */
	assert_int_equal(got(), 1 << 1);
}

/* Who only ever sends by a known way is not forgotten. */
static void test_known_way_learns(void **state)
{
	uint8_t far[6] = { 0x02, 0, 0, 0, 0, 0x99 };

	(void)state;
	p[4].port.trunk = true;
	for (int i = 0; i < 4; i++) {
		send(4, mac(1), far);
		assert_int_equal(got(), 1 << 1);
		fake_tsc += SWITCH_AGE_S / 2 * 1000 * tsc_khz;
	}
	send(1, far, mac(1));
	assert_int_equal(got(), 1 << 4);
}

/* A flood of sources fills the table and nothing else; it still learns. */
static void test_table_is_bounded(void **state)
{
	uint8_t src[6] = { 0x02 };

	(void)state;
	for (unsigned int i = 0; i < 100000; i++) {
		memcpy(src + 2, &i, 4);
		send(0, mac(1), src);
		assert_int_equal(got(), 2);
	}
	assert_true(sw.learned - sw.evicted <= SWITCH_MACS);
	assert_true(sw.evicted >= 100000 - SWITCH_MACS);
	send(0, src, stranger);
	assert_int_equal(p[0].port.drops[DROP_FILTERED], 1);
}

static void test_room(void **state)
{
	(void)state;
	p[2].answer = -11;
	assert_int_equal(send(1, mac(2), mac(1)), 0); /* a guest's lack of room is its own loss */
	assert_int_equal(p[2].port.drops[DROP_NO_BUFFER], 1);
	p[2].answer = -19;
	assert_int_equal(send(1, mac(2), mac(1)), 0);
	assert_int_equal(p[2].port.drops[DROP_DOWN], 1);
	p[2].answer = 0;
	p[0].answer = -11; /* the uplink's is not: pushed back, and nobody got anything */
	assert_int_equal(send(1, broadcast, mac(1)), -11);
	assert_int_equal(got(), 0);
	assert_int_equal(send(1, stranger, mac(1)), -11);
	assert_int_equal(p[1].port.pushed_back, 2);
	assert_int_equal(p[1].port.tx.packets, 2);
	p[0].answer = 0;
	assert_int_equal(send(1, broadcast, mac(1)), 0);
	assert_int_equal(got(), 0x1d);
	p[0].answer = -28; /* it will never fit */
	assert_int_equal(send(1, stranger, mac(1)), 0);
	assert_int_equal(p[0].port.drops[DROP_NO_BUFFER], 1);
}

/*
 * R13: the uplink moves in one step, twenty times; the old one is then an ordinary port of its
 * own address.
 */
static void test_r13_uplink_moves(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		int up = round & 1 ? 0 : 4, old = 4 - up;

		switch_set_uplink(&sw, &p[up].port);
		send(1, stranger, mac(1));
		assert_int_equal(got(), 1u << up);
		send(1, broadcast, mac(1));
		assert_int_equal(got(), 0x1d);
		send(1, mac(old), mac(1)); /* its own address is known */
		assert_int_equal(got(), 1u << old);
		send(old, broadcast, stranger); /* and it is locked to it */
		assert_int_equal(got(), 0);
		send(old, stranger, mac(old));
		assert_int_equal(got(), 1u << up);
		send(up, mac(2), stranger);
		assert_int_equal(got(), 1 << 2);
	}
	assert_int_equal(sw.uplink_moves, 21);
	switch_set_uplink(&sw, NULL);
	assert_int_equal(send(1, stranger, mac(1)), 0);
	assert_int_equal(got(), 0);
	assert_int_equal(p[1].port.drops[DROP_UNKNOWN], 1);
}

static void test_ports_are_bounded(void **state)
{
	static struct port more[SWITCH_PORTS_MAX];
	struct port twice = { .ops = &ops };

	(void)state;
	memcpy(twice.mac, mac(1), 6);
	assert_int_equal(switch_add(&sw, &twice), -17);
	for (int i = PORTS; i < SWITCH_PORTS_MAX; i++) {
		more[i].mac[5] = i;
		assert_int_equal(switch_add(&sw, &more[i]), 0);
	}
	twice.mac[0] = 0x66;
	assert_int_equal(switch_add(&sw, &twice), -28);
}

/* Only what goes to one locked port alone, which takes it, and comes from nobody here. */
static void test_what_may_be_merged(void **state)
{
	struct packet pkt = { .len = 60, .head_len = 60 };

	(void)state;
	make_frame(pkt.head, 60, mac(1), stranger, 0);
	assert_false(switch_merges(&sw, &pkt));
	for (int i = 0; i < PORTS; i++)
		p[i].port.merges = true;
	assert_true(switch_merges(&sw, &pkt));
	make_frame(pkt.head, 60, mac(0), stranger, 0); /* the uplink is no locked port */
	assert_false(switch_merges(&sw, &pkt));
	make_frame(pkt.head, 60, stranger, stranger, 0);
	assert_false(switch_merges(&sw, &pkt));
	make_frame(pkt.head, 60, broadcast, stranger, 0);
	assert_false(switch_merges(&sw, &pkt));
	make_frame(pkt.head, 60, mac(1), mac(2), 0);
	assert_false(switch_merges(&sw, &pkt));
	make_frame(pkt.head, 60, mac(1), broadcast, 0);
	assert_false(switch_merges(&sw, &pkt));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_unicast, setup),
		cmocka_unit_test_setup(test_groups, setup),
		cmocka_unit_test_setup(test_frames_to_one_apart_are_counted, setup),
		cmocka_unit_test_setup(test_lost_segments, setup),
		cmocka_unit_test_setup(test_lock, setup),
		cmocka_unit_test_setup(test_an_address_changes, setup),
		cmocka_unit_test_setup(test_lock_of_ip, setup),
		cmocka_unit_test_setup(test_learning, setup),
		cmocka_unit_test_setup(test_known_way, setup),
		cmocka_unit_test_setup(test_known_way_learns, setup),
		cmocka_unit_test_setup(test_table_is_bounded, setup),
		cmocka_unit_test_setup(test_room, setup),
		cmocka_unit_test_setup(test_r13_uplink_moves, setup),
		cmocka_unit_test_setup(test_ports_are_bounded, setup),
		cmocka_unit_test_setup(test_what_may_be_merged, setup),
	};

	return cmocka_run_group_tests_name("switch", tests, NULL, NULL);
}
