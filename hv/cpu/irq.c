/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who gets a physical interrupt. */
#include "cpu/irq.h"

#include "cpu/ioapic.h"
#include "cpu/lapic.h"
#include "cpu/timer.h"
#include "cpu/trap.h"
#include "debug/log.h"
#include "dev/vioapic.h"

#define PINS      24
#define RTE_LEVEL BIT(15)

static struct pin_owner {
	struct vioapic *ioapic;
	unsigned int pin;
	void (*own)(void);
} owner[PINS];

uint64_t irq_count, irq_spurious;

static void pin_handle(unsigned int phys)
{
	struct pin_owner *o = &owner[phys];

	if (o->ioapic) {
		if (ioapic_rte(phys) & RTE_LEVEL)
			ioapic_mask(phys); /* until the VM's EOI; else it fires again at once */
		lapic_eoi();
		vioapic_phys_irq(o->ioapic, o->pin);
		return;
	}
	lapic_eoi();
	if (o->own)
		o->own();
	else
		irq_spurious++;
}

void irq_handle(unsigned int vector)
{
	irq_count++;
	if (vector == VEC_SPURIOUS)
		return; /* no EOI for it: SDM 3A 10.9 */
	if (vector >= VEC_PIN && vector < VEC_PIN + PINS) {
		pin_handle(vector - VEC_PIN);
		return;
	}
	if (vector == VEC_TIMER)
		timer_irq(); /* what is due runs in the run loop */
	else
		irq_spurious++;
	lapic_eoi();
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
