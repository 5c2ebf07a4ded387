/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of armed timers, earliest first, on top of the local APIC's one-shot timer. */
#include "cpu/timer.h"

#include "cpu/lapic.h"
#include "cpu/x86.h"

#define STILL_MS 100 /* a turn that is over so much later than it should be: the machine stood */

static struct timer *first;
static uint64_t steady, turned_at; /* the steady clock at the last turn, and when that was */
static uint64_t steady_told;       /* a timer that is set meanwhile must not turn it back */
static bool hardware_fired;        /* the one-shot is used up and must be programmed again */

uint64_t tsc_now(void)
{
	return rdtsc();
}

static void program(void)
{
	uint64_t now = rdtsc();

	if (!first)
		lapic_timer(0);
	else
		lapic_timer(first->deadline > now ? first->deadline - now : 1);
}

/*
 * A turn ends when the earliest timer is due at the latest, and then some; an idle one without a
 * timer whenever something happens.
 */
static uint64_t turn_counts(uint64_t now)
{
	uint64_t limit = STILL_MS * tsc_khz;

	if (!first)
		return now - turned_at;
	if (first->deadline > turned_at)
		limit += first->deadline - turned_at;
	return MIN(now - turned_at, limit);
}

uint64_t steady_at(uint64_t now)
{
	steady_told = MAX(steady_told, steady + turn_counts(now));
	return steady_told;
}

static bool unlink(struct timer *timer)
{
	for (struct timer **at = &first; *at; at = &(*at)->next)
		if (*at == timer) {
			*at = timer->next;
			return true;
		}
	return false;
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
	struct timer *old = first, **at = &first;

	if (timer->deadline)
		unlink(timer);
	timer->deadline = deadline ? deadline : 1;
	while (*at && (*at)->deadline <= timer->deadline)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
	if (first != old || first == timer)
		program();
}

void timer_cancel(struct timer *timer)
{
	if (!timer->deadline)
		return;
	unlink(timer);
	timer->deadline = 0;
	/* The hardware may fire once for nothing; cheaper than programming it again. */
}

void timer_irq(void)
{
	lapic_timer_came();
	hardware_fired = true;
}

bool timer_waiting(void)
{
	return hardware_fired;
}

bool timer_run(void)
{
	uint64_t now = rdtsc();
	bool fired = false;

	steady = steady_at(now);
	turned_at = now;
	if (!hardware_fired && (!first || first->deadline > now))
		return false;
	hardware_fired = false;
	while (first && first->deadline <= rdtsc()) {
		struct timer *timer = first;

		first = timer->next;
		timer->deadline = 0;
		timer->fire(timer);
		fired = true;
	}
	program();
	return fired;
}
