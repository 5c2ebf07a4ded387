/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of armed timers, earliest first, on top of the local APIC's one-shot timer. */
#include "cpu/timer.h"

#include "cpu/lapic.h"
#include "cpu/x86.h"

static struct timer *first;
static bool hardware_fired; /* the one-shot is used up and must be programmed again */

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
	hardware_fired = true;
}

bool timer_waiting(void)
{
	return hardware_fired;
}

void timer_run(void)
{
	if (!hardware_fired && (!first || first->deadline > rdtsc()))
		return;
	hardware_fired = false;
	while (first && first->deadline <= rdtsc()) {
		struct timer *timer = first;

		first = timer->next;
		timer->deadline = 0;
		timer->fire(timer);
	}
	program();
}
