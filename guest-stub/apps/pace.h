/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sending at a rate: how many packets are owed by now. Packets are owed in small bursts, at least
 * PACE_US apart, because waking up for each one would cost more than sending it.
 */
#pragma once

#include <stdint.h>

#define PACE_US 1000

/* A generator sends at most this many at once, so that several share the transmit ring. */
#define PACE_BATCH 32

struct pace {
	uint64_t start_us;
	uint64_t bits_per_second; /* 0 = no limit */
	uint32_t packet_bytes;
};

/* Start the clock now. */
void pace_start(struct pace *p, uint64_t bits_per_second, uint32_t packet_bytes);

/*
 * How many packets may be sent now (up to PACE_BATCH), if `sent` have been. The first is owed at
 * once.
 */
uint64_t pace_owed(const struct pace *p, uint64_t now_us, uint64_t sent);

/* When to look again, if `sent` have been by now: at once when more are owed. */
uint64_t pace_next_us(const struct pace *p, uint64_t now_us, uint64_t sent);
