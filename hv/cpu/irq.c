/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who gets a physical interrupt. */
#include "cpu/irq.h"

#include "cpu/ioapic.h"
#include "cpu/lapic.h"
#include "cpu/storm.h"
#include "cpu/timer.h"
#include "cpu/trap.h"
#include "debug/log.h"
#include "dev/vioapic.h"
#include "twin/run.h"

#define PINS      24
#define RTE_LEVEL BIT(15)

static struct pin_owner {
	struct vioapic *ioapic;
	unsigned int pin;
	void (*own)(void);
} owner[PINS];

/* By pin; changed with interrupts off only. Those that were masked wait for storm_holds(). */
static uint64_t pending, masked;

uint64_t irq_count, irq_spurious;

/* Only marks: the owner acts in the run loop, where nothing of the hypervisor is half-changed. */
static void pin_mark(unsigned int phys)
{
	if (ioapic_rte(phys) & RTE_LEVEL) {
		ioapic_mask(phys); /* until its owner has served it; else it fires again at once */
		masked |= BIT(phys);
	}
	lapic_eoi();
	pending |= BIT(phys);
}

void irq_handle(struct trap_frame *frame)
{
	irq_count++;
	if (frame->vector == VEC_SPURIOUS)
		return; /* no EOI for it: SDM 3A 10.9 */
	if (frame->vector >= VEC_PIN && frame->vector < VEC_PIN + PINS) {
		pin_mark(frame->vector - VEC_PIN);
		return;
	}
	if (frame->vector == VEC_TIMER) {
		timer_irq(); /* what is due runs in the run loop */
		run_tick(frame);
	} else {
		irq_spurious++;
	}
	lapic_eoi();
}

bool irq_waiting(void)
{
	return pending;
}

static void serve(unsigned int phys)
{
	struct pin_owner *o = &owner[phys];

	if (o->own)
		o->own();
	else if (o->ioapic)
		vioapic_phys_irq(o->ioapic, o->pin);
	else
		irq_spurious++;
}

void irq_run(void)
{
	while (pending) {
		unsigned int phys = __builtin_ctzl(pending);
		bool level = masked & BIT(phys);

		pending &= ~BIT(phys);
		masked &= ~BIT(phys);
		if (!level || !storm_holds(phys, serve))
			serve(phys);
	}
}

void irq_forward(unsigned int phys, struct vioapic *ioapic, unsigned int pin)
{
	BUG_ON(phys >= PINS);
	owner[phys] = (struct pin_owner){ .ioapic = ioapic, .pin = pin };
}

void irq_own(unsigned int phys, void (*fn)(void))
{
	BUG_ON(phys >= PINS);
	owner[phys] = (struct pin_owner){ .own = fn };
	ioapic_route(phys, false, false, false);
}

void irq_steal(unsigned int phys, void (*fn)(void))
{
	BUG_ON(phys >= PINS);
	owner[phys].own = fn;
}

void irq_reopen(unsigned int phys)
{
	BUG_ON(phys >= PINS || !owner[phys].ioapic);
	vioapic_reopen(owner[phys].ioapic, owner[phys].pin);
}

void irq_pass(unsigned int phys)
{
	BUG_ON(phys >= PINS || !owner[phys].ioapic);
	vioapic_phys_irq(owner[phys].ioapic, owner[phys].pin);
}
