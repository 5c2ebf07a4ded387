/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run loop: which VM runs, and what the hypervisor does between two runs. */
#ifndef HV_VM_SCHED_H
#define HV_VM_SCHED_H

#include "lib/types.h"

/* Runs until every VM has stopped, or for so many seconds (0: no limit); then ends the machine. */
void __noreturn sched_run(uint64_t seconds);

struct vm;

/*
 * The VM that the CPU is in, or on its way into or out of; NULL. For handlers that interrupted it.
 */
const struct vm *sched_inside(void);

/*
 * Runs just this VM (and interrupts and timers) until done(arg), for an upcall: no packets are
 * moved and no other VM runs meanwhile. 0; -EIO: it ended, or did not get there within so many
 * milliseconds.
 */
int sched_run_until(struct vm *vm, bool (*done)(void *arg), void *arg, uint64_t limit_ms);

#endif
