/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jiffies for the twin and its natives (R10). The driver VM's own variable stands still while it
 * sleeps or waits for its turn; a time stamp that the twin took from it would look old as soon as
 * the driver VM catches up, and the driver would take a frame just sent for one that hangs. Pure
 * arithmetic; called inside invocations only.
 */
#ifndef HV_TWIN_JIFFIES_H
#define HV_TWIN_JIFFIES_H

#include "lib/types.h"

#define JIFFIES_HZ_MAX 10000

struct jiffies {
	uint64_t tsc_per_tick;
	uint64_t last; /* value given last */
	bool started;
};

/*
 * At attach: the driver VM's kernel ticks hz times a second. -EINVAL: no such rate (the number is
 * the driver VM's).
 */
int jiffies_start(struct jiffies *j, uint64_t khz, uint32_t hz);

/*
 * dvm: its variable now; idle: TSC ticks since it ran last. Returns what the variable will hold
 * once it runs again and has caught up, or up to one less: never behind dvm, never ahead of its
 * clock, never behind an earlier answer. Values wrap as the kernel's do.
 */
uint64_t jiffies_at(struct jiffies *j, uint64_t dvm, uint64_t idle);

#endif
