/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Physical interrupts. They are taken only where the run loop opens them: idle, and right after an exit by
 * interrupt. A pin belongs to a virtual IOAPIC pin of one VM or to the hypervisor itself.
 */
#ifndef HV_CPU_IRQ_H
#define HV_CPU_IRQ_H

#include "lib/types.h"

struct vioapic;

/* From the trap entry, interrupts off. Acknowledges; a level pin is masked first. */
void irq_handle(unsigned int vector);

/* Pin `phys` fires as virtual pin `pin` of ioapic. */
void irq_forward(unsigned int phys, struct vioapic *ioapic, unsigned int pin);

/* Calls fn at each interrupt of an edge-triggered pin, and unmasks it. */
void irq_own(unsigned int phys, void (*fn)(void));

extern uint64_t irq_count, irq_spurious;

#endif
