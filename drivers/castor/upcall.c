// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Upcalls: routines of this kernel, called for the twin, which waits. Under a lock that the twin
 * holds in the interrupt handler itself, otherwise in a softirq, where a driver's own calls happen
 * (R15).
 */
#include "castor.h"

static struct tasklet_struct tasklet;

typedef u64 (*fn6)(u64, u64, u64, u64, u64, u64);
typedef u64 (*fn12)(u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64);

/* A function that takes fewer arguments ignores the others: the caller cleans the stack. */
static u64 call(const struct castor_upcall *up)
{
	const u64 *a = up->arg;

	if (up->args <= 6)
		return ((fn6)up->fn_dva)(a[0], a[1], a[2], a[3], a[4], a[5]);
	return ((fn12)up->fn_dva)(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10],
				  a[11]);
}

/* The twin may ask for the next one before the hypercall comes back. */
static void run(u32 context)
{
	struct castor_upcall *up = &castor.area->upcall;
	u32 number;

	while ((number = READ_ONCE(up->pending)) && READ_ONCE(up->context) == context) {
		castor.counts.upcalls++;
		up->result = call(up);
		WRITE_ONCE(up->pending, 0);
		castor_hypercall(CASTOR_HC_UPCALL_DONE, number, 0);
	}
}

static void run_tasklet(struct tasklet_struct *t)
{
	castor_upcall_softirq();
}

void castor_upcall_interrupt(void)
{
	run(CASTOR_HARD_IRQ);
	if (READ_ONCE(castor.area->upcall.pending))
		tasklet_hi_schedule(&tasklet);
}

void castor_upcall_softirq(void)
{
	run(CASTOR_SOFTIRQ);
}

void castor_upcall_init(void)
{
	tasklet_setup(&tasklet, run_tasklet);
}

void castor_upcall_exit(void)
{
	tasklet_kill(&tasklet);
}
