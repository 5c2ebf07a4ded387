/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole cards: drivers in several VMs, the switch between them, the poll loop and its timer. What
 * a kick costs, who waits and who drops, and that a broken or unfair VM hurts nobody else.
 */
#include "bench.h"

#include "lib/errno.h"
#include "net/poll.h"

/*
 * A lone frame kicks and is served in that exit; then the port is busy and further ones cost
 * none.
 */
static void test_lone_frame_then_batch(void **state)
{
	unsigned int kicks = 0;

	(void)state;
	drv_post(&d[2], QSIZE);
	assert_false(drv_kick(&d[2], VNET_RX)); /* receive buffers need no kick */
	send(1, 2, 60, 1);
	assert_true(drv_kick(&d[1], VNET_TX));
	poll_run();
	expect_frame(2, 60, 1, 1);
	assert_int_equal(hdr.num_buffers, 1);
	assert_int_equal(drv_used(&d[1], 1)[1], 1);
	for (unsigned int i = 0; i < 1000; i++) { /* one at a time, drained by other exits */
		send(1, 2, 1514, i);
		kicks += drv_kick(&d[1], VNET_TX);
		poll_run();
		expect_frame(2, 1514, 1, i);
		if (i % 20 == 19)
			fake_pass_us(500);
	}
	assert_int_equal(kicks, 0);
	/* Half a ring without any exit: then it kicks. */
	for (unsigned int i = 0; i < QSIZE / 2 + 1; i++) {
		send(1, 2, 60, i);
		assert_int_equal(drv_kick(&d[1], VNET_TX), i == QSIZE / 2);
	}
	poll_run();
	/*
	 * A frame left alone waits for the timer at most; then two quiet periods end the busy
	 * time.
	 */
	send(1, 2, 60, 77);
	assert_false(drv_kick(&d[1], VNET_TX));
	fake_pass_us(500);
	poll_run();
	for (unsigned int i = 0; i < QSIZE / 2 + 1; i++)
		expect_frame(2, 60, 1, i);
	expect_frame(2, 60, 1, 77);
	fake_pass_us(500);
	fake_pass_us(500);
	assert_null(fake_timer);
	send(1, 2, 60, 78);
	assert_true(drv_kick(&d[1], VNET_TX));
	poll_run();
	expect_frame(2, 60, 1, 78);
}

/* A frame that comes while the port is being put to sleep is found, as nobody kicks for it. */
static void test_no_lost_frame_at_sleep(void **state)
{
	(void)state;
	drv_post(&d[2], 10);
	send(1, 2, 60, 1);
	drv_kick(&d[1], VNET_TX);
	poll_run();
	fake_pass_us(500);
	send(1, 2, 60, 2); /* no kick, no exit until the timer that would end the busy time */
	assert_false(drv_kick(&d[1], VNET_TX));
	fake_pass_us(500);
	poll_run();
	expect_frame(2, 60, 1, 1);
	expect_frame(2, 60, 1, 2);
}

static void test_interrupts(void **state)
{
	(void)state;
	drv_post(&d[2], 200);
	drv_set_used_event(&d[2], VNET_RX, 0);
	drv_set_used_event(&d[1], VNET_TX, 0x8000);
	for (unsigned int i = 0; i < 50; i++)
		send(1, 2, 60, i);
	drv_kick(&d[1], VNET_TX);
	poll_run();
	assert_int_equal(vn[2]->pci.irqs, 1); /* one for the batch */
	assert_int_equal(vn[1]->pci.irqs, 0); /* the sender wants none */
	drv_set_used_event(&d[2], VNET_RX, 60);
	send(1, 2, 60, 0);
	fake_pass_us(500);
	poll_run();
	assert_int_equal(vn[2]->pci.irqs, 1); /* not passed yet */
}

/*
 * A lone frame's sender is interrupted when an answer is, or when its port goes to sleep; one that
 * waits for many frames, at once; one that has seen them, never.
 */
static void test_sent_frames_are_held(void **state)
{
	(void)state;
	drv_post(&d[1], 10);
	drv_post(&d[2], 200);
	drv_set_used_event(&d[1], VNET_TX, 0);
	send(1, 2, 60, 0);
	drv_kick(&d[1], VNET_TX);
	poll_run();
	assert_int_equal(drv_used(&d[1], VNET_TX)[1], 1); /* to be seen at once */
	assert_int_equal(vn[1]->pci.irqs, 0);
	send(2, 1, 60, 0);
	drv_kick(&d[2], VNET_TX);
	poll_run();
	assert_int_equal(vn[1]->pci.irqs, 1); /* with the answer */
	fake_pass_us(500);
	fake_pass_us(500);
	assert_int_equal(vn[1]->pci.irqs, 1); /* not for both */

	drv_set_used_event(&d[1], VNET_TX, 1);
	send(1, 2, 60, 1);
	drv_kick(&d[1], VNET_TX);
	poll_run();
	fake_pass_us(500);
	assert_int_equal(vn[1]->pci.irqs, 1);
	fake_pass_us(500);
	assert_int_equal(vn[1]->pci.irqs, 2); /* asleep */

	drv_set_used_event(&d[1], VNET_TX, 2);
	for (unsigned int i = 0; i < 16; i++) {
		send(1, 2, 60, i);
		drv_kick(&d[1], VNET_TX);
		assert_int_equal(vn[1]->pci.irqs, 2);
		poll_run();
	}
	assert_int_equal(vn[1]->pci.irqs, 3); /* many */

	send(1, 2, 60, 0);
	poll_run();
	drv_set_used_event(&d[1], VNET_TX, 100);
	fake_pass_us(500);
	fake_pass_us(500);
	assert_int_equal(vn[1]->pci.irqs, 3);
	assert_null(fake_timer);
}

/* No merging and a buffer that is too small: the frame is dropped, the buffer stays. */
static void test_small_buffer(void **state)
{
	(void)state;
	setup_features(DRV_ALL & ~VIRTIO_NET_F_MRG_RXBUF);
	*drv_desc(&d[2], 0, 0) = (struct vring_desc){ BUF_GPA(0), 100, 2, 0 };
	drv_publish(&d[2], 0, 0);
	send(1, 2, 200, 1);
	send(1, 2, 88, 2);
	drv_kick(&d[1], VNET_TX);
	poll_run();
	expect_frame(2, 88, 1, 2);
	expect_nothing(2);
	assert_int_equal(vn[2]->port.drops[DROP_NO_BUFFER], 1);
}

/*
 * Toward the uplink nothing is lost: frames wait in the sender's ring, and go on when buffers
 * come.
 */
static void test_push_back(void **state)
{
	(void)state;
	drv_post(&d[0], 3);
	for (unsigned int i = 0; i < 10; i++)
		send(1, 0, 60, i);
	drv_kick(&d[1], VNET_TX);
	poll_run();
	for (unsigned int i = 0; i < 3; i++) {
		make_frame(frame, 60, mac(0), mac(1), i);
		assert_int_equal(drv_receive(&d[0], &hdr, got, false), 60);
		assert_memory_equal(got, frame, 60);
	}
	expect_nothing(0);
	assert_int_equal(drv_used(&d[1], 1)[1], 3);
	assert_int_equal(vn[0]->port.drops[DROP_NO_BUFFER], 0);
	assert_true(vn[1]->port.blocked);
	for (int i = 0; i < 10; i++) { /* it does not go to sleep, nor spin */
		fake_pass_us(500);
		poll_run();
	}
	assert_int_equal(vn[1]->port.pushed_back, 1);
	assert_non_null(fake_timer);
	drv_post(&d[0], 1);
	assert_true(drv_kick(&d[0], VNET_RX)); /* a starved uplink is told at once */
	poll_run();
	expect_frame(0, 60, 1, 3);
	drv_post(&d[0], 20);
	drv_kick(&d[0], VNET_RX);
	poll_run();
	for (unsigned int i = 4; i < 10; i++)
		expect_frame(0, 60, 1, i);
	assert_int_equal(drv_used(&d[1], 1)[1], 10);
}

/*
 * An uplink that gives no buffers for a second is as good as down: guests can still talk with one
 * another.
 */
static void test_stalled_uplink(void **state)
{
	(void)state;
	drv_post(&d[2], 10);
	send(1, 0, 60, 1);
	send(1, 2, 60, 2);
	drv_kick(&d[1], VNET_TX);
	poll_run();
	expect_nothing(2);
	for (int i = 0; i < 2100; i++) {
		fake_pass_us(500);
		poll_run();
	}
	expect_frame(2, 60, 1, 2);
	assert_int_equal(vn[0]->port.drops[DROP_NO_BUFFER], 1);
	drv_post(&d[0], 10); /* and back */
	send(1, 0, 60, 3);
	assert_true(drv_kick(&d[1], VNET_TX));
	poll_run();
	expect_frame(0, 60, 1, 3);
}

/* A guest that takes nothing loses its own frames only. */
static void test_slow_guest_drops(void **state)
{
	(void)state;
	drv_post(&d[0], QSIZE);
	drv_post(&d[2], 5);
	for (unsigned int i = 0; i < 20; i++) {
		send(1, 2, 60, i);
		send(1, 0, 60, i);
	}
	drv_kick(&d[1], VNET_TX);
	poll_run();
	assert_int_equal(vn[2]->port.drops[DROP_NO_BUFFER], 16); /* the fifth is for others */
	for (unsigned int i = 0; i < 20; i++)
		expect_frame(0, 60, 1, i);
	assert_int_equal(vn[1]->port.tx.packets, 40);
}

/* One that fills a guest's ring without end leaves room for the uplink's frame and another's. */
static void test_flood_leaves_room(void **state)
{
	(void)state;
	drv_post(&d[2], QSIZE);
	for (unsigned int i = 0; i < QSIZE; i++)
		send(1, 2, 60, i);
	drv_kick(&d[1], VNET_TX);
	poll_run();
	assert_int_equal(vn[2]->port.rx.packets, 205); /* held < 4 * (256 - held) */
	send(0, 2, 60, 1000);
	drv_kick(&d[0], VNET_TX);
	poll_end_rest();
	poll_run();
	send(3, 2, 60, 2000);
	drv_kick(&d[3], VNET_TX);
	poll_end_rest();
	poll_run();
	assert_int_equal(vn[2]->port.rx.packets, 207);
	assert_int_equal(vn[2]->port.drops[DROP_NO_BUFFER], QSIZE - 205);
	for (unsigned int i = 0; i < 205; i++) /* each one posts its buffer again */
		expect_frame(2, 60, 1, i);
	expect_frame(2, 60, 0, 1000);
	expect_frame(2, 60, 3, 2000);
	/* What it held is its own again. */
	for (unsigned int i = 0; i < QSIZE; i++)
		send(1, 2, 60, i);
	poll_end_rest();
	poll_run();
	assert_int_equal(vn[2]->port.rx.packets, 207 + 205);
}

/* A card that starts again owes nothing for the frames in its old ring. */
static void test_flood_before_a_reset(void **state)
{
	(void)state;
	for (unsigned int life = 0; life < 3; life++) {
		drv_post(&d[2], QSIZE);
		for (unsigned int i = 0; i < QSIZE; i++)
			send(1, 2, 60, i);
		drv_kick(&d[1], VNET_TX);
		poll_end_rest();
		poll_run();
		assert_int_equal(vn[2]->port.rx.packets, 205 * (life + 1));
		drv_start(&d[2], vn[2], DRV_ALL);
	}
}

/* Work is the sender's, whatever becomes of the frame; the receiver's, if it came by the uplink. */
static void test_who_owes_for_frames(void **state)
{
	struct virtio_net_hdr bad = { .flags = 1, .csum_start = 5000 };

	(void)state;
	for (int i = 0; i < CARDS; i++)
		vn[i]->port.moved = 0;
	drv_post(&d[2], 10);
	send(1, 2, 60, 0);
	make_frame(frame, 60, mac(2), mac(3), 0); /* spoofed */
	drv_send(&d[1], &plain, frame, 60);
	make_frame(frame, 60, mac(2), mac(1), 0);
	drv_send(&d[1], &bad, frame, 60);
	drv_kick(&d[1], VNET_TX);
	poll_run();
	assert_int_equal(vn[1]->port.drops[DROP_SPOOF] + vn[1]->port.drops[DROP_BAD_REQUEST], 2);
	assert_int_equal(vn[1]->port.moved, 3);
	assert_int_equal(vn[2]->port.moved, 0);
	send(0, 2, 60, 1);
	drv_kick(&d[0], VNET_TX);
	poll_run();
	assert_int_equal(vn[2]->port.moved, 1);
}

static void test_down(void **state)
{
	(void)state;
	drv_post(&d[2], 5);
	vm_out(vms[2], d[2].port + 0x14, 1, 0); /* driver gone */
	send(1, 2, 60, 1);
	drv_kick(&d[1], VNET_TX);
	poll_run();
	assert_int_equal(vn[2]->port.drops[DROP_DOWN], 1);
	vm_kill(vms[0], "test");
	for (unsigned int i = 0; i < 3; i++)
		send(1, 0, 60, i); /* a dead uplink holds nobody up */
	fake_pass_us(500);
	poll_run();
	assert_int_equal(vn[0]->port.drops[DROP_DOWN], 3);
	assert_int_equal(drv_used(&d[1], 1)[1], 4);
	drv_start(&d[2], vn[2], DRV_ALL); /* a driver that comes back starts clean */
	drv_post(&d[2], 5);
	send(1, 2, 60, 9);
	fake_pass_us(500);
	poll_run();
	expect_frame(2, 60, 1, 9);
}

/* Frames with impossible headers or lengths are dropped and counted; the ring goes on. */
static void test_bad_frames(void **state)
{
	struct virtio_net_hdr bad = { .flags = 1, .csum_start = 60, .csum_offset = 0 };

	(void)state;
	drv_post(&d[2], 10);
	make_frame(frame, 60, mac(2), mac(1), 1);
	drv_send(&d[1], &bad, frame, 60);
	drv_send(&d[1], &plain, frame, 13);
	drv_send(&d[1], &plain, frame, 0);
	drv_send(&d[1], &plain, frame, 1519);
	*drv_desc(&d[1], 1, d[1].q[1].next % QSIZE) = (struct vring_desc){ BUF_GPA(1), 5, 0, 0 };
	drv_publish(&d[1], 1, d[1].q[1].next++ % QSIZE);
	*drv_desc(&d[1], 1, d[1].q[1].next % QSIZE) = (struct vring_desc){ 0, RAM_SIZE, 0, 0 };
	drv_publish(&d[1], 1, d[1].q[1].next++ % QSIZE);
	*drv_desc(&d[1], 1, d[1].q[1].next % QSIZE) = (struct vring_desc){ 0, 0, 0, 0 };
	drv_publish(&d[1], 1, d[1].q[1].next++ % QSIZE);
	send(1, 2, 14, 7);
	drv_kick(&d[1], VNET_TX);
	poll_run();
	expect_frame(2, 14, 1, 7);
	expect_nothing(2);
	assert_int_equal(vn[1]->port.drops[DROP_BAD_REQUEST], 1);
	assert_int_equal(vn[1]->port.drops[DROP_LENGTH], 6);
	assert_int_equal(drv_used(&d[1], 1)[1], 8);
	assert_int_equal(vms[1]->state, VM_RUNNING);
}

static void test_broken_ring_kills_its_vm_only(void **state)
{
	(void)state;
	drv_post(&d[0], 10);
	*drv_desc(&d[2], 0, 0) = (struct vring_desc){ BUF_GPA(0), 2048, 0, 0 }; /* not writable */
	drv_publish(&d[2], 0, 0);
	send(1, 2, 60, 1);
	send(1, 0, 60, 2);
	drv_kick(&d[1], VNET_TX);
	poll_run();
	assert_int_equal(vms[2]->state, VM_KILLED);
	assert_non_null(strstr(vms[2]->reason, "receive queue"));
	assert_int_equal(vms[1]->state, VM_RUNNING);
	expect_frame(0, 60, 1, 2);
	drv_avail(&d[1], 1)[1] = 0x4000;
	fake_pass_us(500);
	poll_run();
	assert_int_equal(vms[1]->state, VM_KILLED);
	assert_int_equal(vms[0]->state, VM_RUNNING);
}

/*
 * Two senders that never stop compete for the uplink's room, which comes in small lots: a frame
 * costs its length and 200, and in the long run both spend the same.
 */
static void test_fair(void **state)
{
	uint64_t sent[3] = { 0 };

	(void)state;
	for (int round = 0; round < 4000; round++) {
		for (int i = 1; i < 3; i++)
			while ((uint16_t)(d[i].q[1].avail - drv_used(&d[i], 1)[1]) < QSIZE) {
				send(i, 0, i == 1 ? 100 : 1500, round);
				drv_kick(&d[i], VNET_TX);
			}
		drv_post(&d[0], 16);
		drv_kick(&d[0], VNET_RX);
		poll_run();
		while (drv_receive(&d[0], &hdr, got, false) > 0)
			sent[got[11]] += hdr.num_buffers;
		fake_pass_us(100);
	}
	assert_true(sent[1] && sent[2]);
	assert_in_range(sent[1] * 300 * 100 / (sent[2] * 1700), 95, 105);
}

/* Large frames only to a driver that takes them, and while it does. */
static void test_merges_for_whom(void **state)
{
	(void)state;
	setup_features(DRV_ALL);
	assert_true(vn[1]->port.merges);
	vm_out(vms[1], d[1].port + 0x14, 1, 0);
	assert_false(vn[1]->port.merges);
	setup_features(DRV_ALL & ~VIRTIO_NET_F_GUEST_TSO4);
	assert_false(vn[1]->port.merges);
	setup_features(DRV_ALL & ~VIRTIO_NET_F_GUEST_CSUM & ~VIRTIO_NET_F_GUEST_TSO4 &
		       ~VIRTIO_NET_F_GUEST_TSO6 & ~VIRTIO_NET_F_GUEST_ECN);
	assert_false(vn[1]->port.merges);
}

/* A driver that takes all that it is offered gets no large frames then, and sends none. */
static void test_plain_frames(void **state)
{
	const uint64_t large = VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6 |
			       VIRTIO_NET_F_GUEST_ECN | VIRTIO_NET_F_HOST_TSO4 |
			       VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_HOST_ECN |
			       VIRTIO_NET_F_MRG_RXBUF;

	(void)state;
	assert_int_equal(d[1].features & large, large);
	fake_reset();
	memset(&sw, 0, sizeof(sw));
	memset(vn[0], 0, sizeof(*vn[0]));
	fake_vm(0)->plain_frames = true;
	assert_int_equal(virtio_net_add(vn[0], &sw, vms[0], SLOT, PIN), 0);
	drv_start(&d[0], vn[0], DRV_ALL);
	assert_true(virtio_pci_started(&vn[0]->pci));
	assert_int_equal(d[0].features & large, 0);
	assert_true(d[0].features & VIRTIO_NET_F_CSUM);
	assert_true(vn[0]->rights.csum && !vn[0]->rights.tso4 && !vn[0]->rights.tso6);
	assert_true(vn[0]->caps.csum && !vn[0]->port.merges && !vn[0]->mergeable);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup(t, setup)
	const struct CMUnitTest tests[] = {
		T(test_lone_frame_then_batch),
		T(test_no_lost_frame_at_sleep),
		T(test_interrupts),
		T(test_sent_frames_are_held),
		T(test_small_buffer),
		T(test_push_back),
		T(test_stalled_uplink),
		T(test_slow_guest_drops),
		T(test_flood_leaves_room),
		T(test_flood_before_a_reset),
		T(test_who_owes_for_frames),
		T(test_down),
		T(test_bad_frames),
		T(test_broken_ring_kills_its_vm_only),
		T(test_fair),
		T(test_merges_for_whom),
		T(test_plain_frames),
	};
	int failed = cmocka_run_group_tests_name("virtio_net", tests, NULL, NULL);

	fake_reset();
	return failed;
}
