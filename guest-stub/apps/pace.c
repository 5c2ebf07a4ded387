/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "apps/pace.h"
#include "cpu/clock.h"

void pace_start(struct pace *p, uint64_t bits_per_second, uint32_t packet_bytes)
{
	*p = (struct pace){ clock_us(), bits_per_second, packet_bytes };
}

/*
 * Whole seconds apart from the rest: at 10^11 bit/s the product would not fit 64 bits after 3
 * minutes.
 */
static uint64_t bits_until(const struct pace *p, uint64_t now_us)
{
	/* A generator's first `now` may have been taken before it was started. */
	uint64_t us = now_us > p->start_us ? now_us - p->start_us : 0;

	return us / 1000000 * p->bits_per_second + us % 1000000 * p->bits_per_second / 1000000;
}

uint64_t pace_owed(const struct pace *p, uint64_t now_us, uint64_t sent)
{
	uint64_t due;

	if (!p->bits_per_second)
		return PACE_BATCH;
	due = 1 + bits_until(p, now_us) / (8 * p->packet_bytes);
	if (due <= sent)
		return 0;
	return due - sent < PACE_BATCH ? due - sent : PACE_BATCH;
}

uint64_t pace_next_us(const struct pace *p, uint64_t now_us, uint64_t sent)
{
	uint64_t packet_us;

	if (pace_owed(p, now_us, sent))
		return now_us;
	packet_us = 8000000ull * p->packet_bytes / p->bits_per_second;
	return now_us + (packet_us > PACE_US ? packet_us : PACE_US);
}
