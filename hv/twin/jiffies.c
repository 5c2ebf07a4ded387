/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver VM's clock, carried on while it does not run: see jiffies.h. */
#include "twin/jiffies.h"

#include "lib/errno.h"

int jiffies_start(struct jiffies *j, uint64_t khz, uint32_t hz)
{
	*j = (struct jiffies){ 0 };
	if (!hz || hz > JIFFIES_HZ_MAX || khz * 1000 < hz)
		return -EINVAL;
	j->tsc_per_tick = khz * 1000 / hz;
	return 0;
}

uint64_t jiffies_at(struct jiffies *j, uint64_t dvm, uint64_t idle)
{
	/*
	 * The variable was right at some time before the driver VM stopped, so whole ticks since
	 * then, rounded down, cannot overtake it.
	 */
	uint64_t now = dvm + idle / j->tsc_per_tick;

	/* It runs again, but its own tick comes only now: for a moment it lies behind. */
	if (j->started && (int64_t)(now - j->last) < 0)
		return j->last;
	j->started = true;
	return j->last = now;
}
