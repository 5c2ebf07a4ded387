/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time and one-shot timers. Unit: TSC ticks (tsc_khz per millisecond); the TSC is assumed constant.
 * All timers share the local APIC's one-shot timer. Call with interrupts off (the hypervisor only
 * opens them in the idle loop, around an exit by interrupt and in the twin).
 */
#ifndef HV_CPU_TIMER_H
#define HV_CPU_TIMER_H

#include "lib/types.h"

extern uint64_t tsc_khz;

uint64_t tsc_now(void);

/*
 * A clock for those who end somebody that does not answer in time, in TSC ticks: it does not count
 * what a turn of the run loop lasts too long. The machine stood still then, as an emulator does
 * when its host stops it, and nobody could have answered: a late timer kills nobody (R18).
 * now: tsc_now(), of this turn.
 */
uint64_t steady_at(uint64_t now);
static inline uint64_t steady_now(void)
{
	return steady_at(tsc_now());
}

static inline uint64_t us_to_tsc(uint64_t us)
{
	return us % 1000 ? us * tsc_khz / 1000 : us / 1000 * tsc_khz; /* most are constants */
}

struct timer {
	uint64_t deadline; /* TSC; 0 = not armed */
	void (*fire)(
		struct timer *timer); /* runs in the run loop, interrupts off, after it disarmed */
	struct timer *next;
};

/* Arms or moves a timer; a deadline in the past fires at the next timer_run(). */
void timer_arm(struct timer *timer, uint64_t deadline);
void timer_cancel(struct timer *timer); /* harmless when not armed */
bool timer_run(void);     /* fires what is due: did any? By the run loop, once in each turn */
bool timer_waiting(void); /* the interrupt came, timer_run() did not run yet */
void timer_irq(void);     /* from the interrupt handler: the hardware timer fired */

#endif
