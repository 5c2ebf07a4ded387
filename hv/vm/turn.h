/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose turn it is. A VM pays for the time that it runs, and for the hypervisor's work on the
 * frames that it sends, or a flood of them would cost the others more than the flooder's slices.
 * Of the VMs that could run the one that paid least is next; one that wakes up and paid less by a
 * slice than the present one does not wait for the end of that one's. Who slept saves up one slice,
 * no more (virtual time as in fair queueing: Demers, Keshav and Shenker, SIGCOMM 1989).
 *
 * What was paid is vm->paid_tsc, to which whoever works for the VM adds TSC ticks.
 *
 * Interrupts off, one CPU.
 */
#ifndef HV_VM_TURN_H
#define HV_VM_TURN_H

#include "lib/types.h"

#define TURN_SLICE_US 4000

struct vm;

/*
 * The next one of those that can run, or NULL; `now`, which may be NULL, if its slice is not over
 * and nobody else is far enough behind.
 */
struct vm *turn_next(struct vm *now, bool slice_over);

#endif
