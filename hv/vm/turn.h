/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose turn it is. A VM pays for the time that it runs, and a guest for the hypervisor's work on
 * its frames, or a flood of them would cost the others more than the flooder's slices. Of the VMs
 * that could run the one that paid least is next; one that wakes up and paid less by a slice than
 * the present one does not wait for the end of that one's. Who slept saves up one slice, no more
 * (virtual time as in fair queueing: Demers, Keshav and Shenker, SIGCOMM 1989).
 *
 * What a VM runs and its exits take, the run loop adds to vm->paid_tsc. For frames it pays when it
 * runs next, and not more than four slices: whoever gets more of them than it can take must still
 * get its turns.
 *
 * Interrupts off, one CPU.
 */
#ifndef HV_VM_TURN_H
#define HV_VM_TURN_H

#include "lib/types.h"

#define TURN_SLICE_US 4000
#define TURN_DEBT_US  (4 * TURN_SLICE_US)

struct vm;

/* So many TSC ticks of work were done for it. */
void turn_owe(struct vm *vm, uint64_t ticks);

/*
 * The next one of those that can run, or NULL; `now`, which may be NULL, if its slice is not over
 * and nobody else is far enough behind.
 */
struct vm *turn_next(struct vm *now, bool slice_over);

#endif
