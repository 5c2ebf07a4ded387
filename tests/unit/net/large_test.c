/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames that are larger than a buffer, or than the wire's: spread over buffers, cut into segments,
 * and taken up again where there was no more room.
 */
#include "bench.h"

#include "net/poll.h"

/* Mergeable buffers: a frame of 60 KiB goes into many, and shows up in one step. */
static void tso_frame(uint32_t payload, struct virtio_net_hdr *h)
{
	make_frame(frame, 54 + payload, mac(2), mac(1), 5);
	memcpy(frame + 12, "\x08\x00\x45\x00\x00\x00\x00\x00\x40\x00\x40\x06", 12);
	frame[46] = 0x50;
	*h = (struct virtio_net_hdr){ 1, 1, 54, 1460, 34, 16, 0 };
}

/*
 * Too long for one buffer of drv_send: a chain of several, whose first holds just a part of the
 * header.
 */
static void send_chain(int from, const struct virtio_net_hdr *h, uint32_t len)
{
	struct drv *s = &d[from];
	uint8_t *all = ram(s->vm, 0x160000);
	unsigned int first = s->q[1].next;
	uint32_t at = 0, total = sizeof(*h) + len;

	memcpy(all, h, sizeof(*h));
	memcpy(all + sizeof(*h), frame, len);
	while (at < total) {
		uint32_t n = at ? MIN(4000, total - at) : 7;

		*drv_desc(s, 1, s->q[1].next % QSIZE) =
			(struct vring_desc){ 0x160000 + at, n, at + n < total,
					     (s->q[1].next + 1) % QSIZE };
		s->q[1].next++;
		at += n;
	}
	drv_publish(s, 1, first % QSIZE);
	drv_kick(s, 1);
}

static void test_merged_buffers(void **state)
{
	struct virtio_net_hdr h;

	(void)state;
	tso_frame(60000, &h);
	drv_post(&d[2], 29); /* 29 * 2048 is less than 12 + 60054 */
	send_chain(1, &h, 60054);
	poll_run();
	expect_nothing(2);
	assert_int_equal(vn[2]->port.drops[DROP_NO_BUFFER], 42); /* as the wire counts */
	drv_post(&d[2], 1);
	send_chain(1, &h, 60054);
	poll_run();
	assert_int_equal(drv_receive(&d[2], &hdr, got, false), 60054);
	assert_memory_equal(got, frame, 60054);
	assert_int_equal(hdr.num_buffers, 30);
	assert_int_equal(hdr.gso_size, 1460);
	assert_int_equal(hdr.gso_type, 1);
	assert_int_equal(hdr.hdr_len, 54);
	assert_int_equal(vn[2]->port.rx.packets, 1);
	assert_int_equal(vn[2]->port.rx.wire_frames, 42);
	assert_int_equal(vn[1]->port.tx.wire_frames, 84);
}

/* Without the features the same frame comes as 42 small ones, each in its own buffer. */
static void test_segments_for_a_plain_driver(void **state)
{
	struct virtio_net_hdr h;
	uint32_t bytes = 0;

	(void)state;
	setup_features(DRV_ALL & ~VIRTIO_NET_F_GUEST_TSO4 & ~VIRTIO_NET_F_GUEST_ECN &
		       ~VIRTIO_NET_F_GUEST_TSO6 & ~VIRTIO_NET_F_MRG_RXBUF & ~VIRTIO_F_EVENT_IDX);
	tso_frame(60000, &h);
	drv_post(&d[2], 50);
	send_chain(1, &h, 60054);
	poll_run();
	for (int i = 0; i < 42; i++) {
		int len = drv_receive(&d[2], &hdr, got, false);

		assert_int_equal(len, i < 41 ? 1514 : 54 + 60000 - 41 * 1460);
		assert_int_equal(hdr.num_buffers, 1);
		assert_int_equal(hdr.gso_type, 0);
		assert_memory_equal(got + 54, frame + 54 + bytes, len - 54);
		bytes += len - 54;
	}
	expect_nothing(2);
	assert_int_equal(bytes, 60000);
}

/* A frame that is cut for the uplink and does not fit goes on where it stopped, nothing twice. */
static void test_push_back_within_a_frame(void **state)
{
	struct virtio_net_hdr h;
	uint32_t bytes = 0;

	(void)state;
	setup_features(DRV_ALL & ~VIRTIO_NET_F_GUEST_TSO4 & ~VIRTIO_NET_F_GUEST_ECN &
		       ~VIRTIO_NET_F_GUEST_TSO6);
	tso_frame(60000, &h);
	memcpy(frame, mac(0), 6);
	vn[1]->port.moved = 0;
	send_chain(1, &h, 60054);
	for (int i = 0; i < 42; i++) {
		int len;

		poll_run();
		expect_nothing(0);
		assert_int_equal(vn[1]->port.moved, i); /* each piece is paid for when it goes */
		drv_post(&d[0], 1);
		drv_kick(&d[0], VNET_RX);
		poll_run();
		len = drv_receive(&d[0], &hdr, got, false);
		assert_true(len > 54);
		assert_memory_equal(got + 54, frame + 54 + bytes, len - 54);
		bytes += len - 54;
		assert_int_equal(drv_used(&d[1], 1)[1], i == 41);
	}
	assert_int_equal(bytes, 60000);
	drv_post(&d[0], 1);
	poll_run();
	expect_nothing(0);
}

/* The header in the VM's memory of the frame that send_chain() sent. */
static struct virtio_net_hdr *sent_hdr(int from)
{
	return ram(d[from].vm, 0x160000);
}

/*
 * Its sender makes another frame of it while it waits in the middle: it is dropped, and the next
 * one begins at its beginning.
 */
static void changed_within_a_frame(uint16_t size, void (*change)(struct virtio_net_hdr *h))
{
	struct virtio_net_hdr h;

	setup_features(DRV_ALL & ~VIRTIO_NET_F_GUEST_TSO4 & ~VIRTIO_NET_F_GUEST_ECN &
		       ~VIRTIO_NET_F_GUEST_TSO6);
	tso_frame(60000, &h);
	h.gso_size = size;
	memcpy(frame, mac(0), 6);
	send_chain(1, &h, 60054);
	drv_post(&d[0], 2);
	drv_kick(&d[0], VNET_RX);
	poll_run();
	for (int i = 0; i < 2; i++)
		assert_true(drv_receive(&d[0], &hdr, got, false) > 54);
	assert_int_equal(vn[1]->resume, 2 * size);
	change(sent_hdr(1));
	vn[1]->port.moved = 0;
	drv_post(&d[0], 50);
	drv_kick(&d[0], VNET_RX);
	poll_run();
	expect_nothing(0);
	assert_int_equal(vn[1]->port.drops[DROP_BAD_REQUEST], 1);
	assert_int_equal(vn[1]->port.moved, 1);
	assert_int_equal(vn[1]->resume, 0);
	send(1, 0, 60, 9);
	drv_kick(&d[1], VNET_TX);
	poll_run();
	expect_frame(0, 60, 1, 9);
}

static void to_plain(struct virtio_net_hdr *h)
{
	struct vring_desc *first = drv_desc(&d[1], 1, 0);

	h->gso_type = 0;
	h->gso_size = 0;
	first[0].len = sizeof(*h) + 1514;
	first[0].flags = 0;
}

static void to_shorter(struct virtio_net_hdr *h)
{
	struct vring_desc *first = drv_desc(&d[1], 1, 0);

	(void)h;
	first[0].len = sizeof(*h) + 54 + 2 * 1460;
	first[0].flags = 0;
}

static void to_other_segments(struct virtio_net_hdr *h)
{
	h->gso_size = 1448;
}

static void test_changed_within_a_frame(void **state)
{
	(void)state;
	changed_within_a_frame(500, to_plain);
	changed_within_a_frame(1460, to_plain);
	changed_within_a_frame(1460, to_shorter);
	changed_within_a_frame(1460, to_other_segments);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup(t, setup)
	const struct CMUnitTest tests[] = {
		T(test_merged_buffers),
		T(test_segments_for_a_plain_driver),
		T(test_push_back_within_a_frame),
		T(test_changed_within_a_frame),
	};
	int failed = cmocka_run_group_tests_name("large", tests, NULL, NULL);

	fake_reset();
	return failed;
}
