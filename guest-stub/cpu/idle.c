/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/idle.h"
#include "cpu/clock.h"
#include "cpu/idt.h"
#include "cpu/lapic.h"

uint64_t idle_count;

static uint64_t armed_us;   /* when the timer will fire */
static uint64_t armed_irqs; /* timer interrupts seen when it was armed */

/*
 * Arming is an exit under a hypervisor, so a timer that is still to fire and not too late is left
 * alone: the early wake-up finds nothing to do and arms it anew. "Still to fire" is known from
 * the interrupt count, not from the clock: a one-shot counter may fire a little before its time
 * by rounding, and a timer believed armed that has fired would be slept over.
 */
static void timer_set(uint64_t until_us, uint64_t now_us)
{
	if (armed_irqs == irq_counts.timer && armed_us > now_us && armed_us <= until_us)
		return;
	armed_us = until_us;
	armed_irqs = irq_counts.timer;
	lapic_timer_arm(clock_us_to_tsc(until_us));
}

void idle_wait(uint64_t until_us)
{
	uint64_t now_us = clock_us();

	if (until_us <= now_us)
		return;
	timer_set(until_us, now_us);
	idle_count++;
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}
