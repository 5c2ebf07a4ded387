/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of whole cards share: drivers in several VMs, the switch between them, poll loop. */
#ifndef TESTS_UNIT_NET_BENCH_H
#define TESTS_UNIT_NET_BENCH_H

#include "fake.h"

#define CARDS 4 /* 0 is the uplink */

extern struct net_switch sw;
extern struct virtio_net *vn[CARDS];
extern struct drv d[CARDS];
extern uint8_t frame[70000], got[70000]; /* sent last, or expected; received last */
extern struct virtio_net_hdr hdr;        /* received last */
extern const struct virtio_net_hdr plain;

/* All cards anew, all drivers up with these features, all ports asleep. 0. */
int setup_features(uint64_t wanted);
int setup(void **state);

const uint8_t *mac(int i);
void send(int from, int to, uint32_t len, uint32_t seed);
void expect_frame(int at, uint32_t len, int from, uint32_t seed);
void expect_nothing(int at);

#endif
