/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole cards, the switch between them and their drivers: see bench.h. */
#include "bench.h"

#include "net/poll.h"

struct net_switch sw;
struct virtio_net *vn[CARDS];
struct drv d[CARDS];
uint8_t frame[70000], got[70000];
struct virtio_net_hdr hdr;
const struct virtio_net_hdr plain;

static struct virtio_net cards[CARDS];

int setup_features(uint64_t wanted)
{
	fake_reset();
	memset(&sw, 0, sizeof(sw));
	memset(cards, 0, sizeof(cards));
	poll_init(&sw);
	for (int i = 0; i < CARDS; i++) {
		vn[i] = &cards[i];
		assert_int_equal(virtio_net_add(vn[i], &sw, fake_vm(i), SLOT, PIN), 0);
		drv_start(&d[i], vn[i], wanted);
	}
	switch_set_uplink(&sw, &vn[0]->port);
	/* The start made all ports busy; let them go to sleep. */
	for (int i = 0; i < 3; i++) {
		poll_run();
		fake_pass_us(10000);
	}
	assert_null(fake_timer);
	return 0;
}

int setup(void **state)
{
	(void)state;
	return setup_features(DRV_ALL);
}

const uint8_t *mac(int i)
{
	return vms[i]->mac;
}

void send(int from, int to, uint32_t len, uint32_t seed)
{
	make_frame(frame, len, mac(to), mac(from), seed);
	drv_send(&d[from], &plain, frame, len);
}

void expect_frame(int at, uint32_t len, int from, uint32_t seed)
{
	make_frame(frame, len, mac(at), mac(from), seed);
	assert_int_equal(drv_receive(&d[at], &hdr, got, true), len);
	assert_memory_equal(got, frame, len);
}

void expect_nothing(int at)
{
	assert_int_equal(drv_receive(&d[at], &hdr, got, false), -1);
}
