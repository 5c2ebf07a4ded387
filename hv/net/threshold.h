/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may have how much of a receive ring. A port's buffers are what all senders share, and one
 * that fills them as fast as the VM empties them would leave none to the others' frames: their TCP
 * loses a third of what it sends and stands still. So a sender may hold at most THRESHOLD_ALPHA
 * times as many of the buffers as are still free (dynamic thresholds: Choudhury and Hahne,
 * IEEE/ACM Transactions on Networking 6(2), 1998): one alone gets 4/5 of the ring, two 4/9 each,
 * and whoever comes new finds some free.
 *
 * A buffer is held from when a frame is put into it until the driver posts another one; drivers
 * post as they consume, in order. A driver that lies about that hurts its own VM alone.
 *
 * Interrupts off, one CPU.
 */
#ifndef HV_NET_THRESHOLD_H
#define HV_NET_THRESHOLD_H

#include "net/switch.h"
#include "net/vring.h"

#define THRESHOLD_ALPHA 4

/* One receive ring. All zero: a ring that was just set up. */
struct threshold {
	uint16_t held[SWITCH_PORTS_MAX]; /* buffers by sender, a port's id */
	uint16_t posted;                 /* the driver's index when last looked at */
	uint16_t first, count;           /* of those in sender, a ring */
	uint8_t sender[VRING_SIZE_MAX];  /* whose frame each held buffer has, oldest first */
};

/* The driver's available index is this now: so many buffers of the oldest frames came back. */
void threshold_posted(struct threshold *t, uint16_t avail);

/* May a sender have another buffer while so many are free? */
bool threshold_allows(const struct threshold *t, unsigned int sender, uint16_t free);

/* A frame of the sender went into n buffers, all of them posted before. */
void threshold_took(struct threshold *t, unsigned int sender, unsigned int n);

#endif
