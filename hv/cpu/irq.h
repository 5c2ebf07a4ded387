/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Physical interrupts. They are taken only where the run loop opens them: idle, right after an
 * exit by interrupt, and while the twin runs. A pin belongs to a virtual IOAPIC pin of one VM or to
 * the hypervisor itself.
 */
#ifndef HV_CPU_IRQ_H
#define HV_CPU_IRQ_H

#include "lib/types.h"

struct vioapic;

struct trap_frame;

/* From the trap entry, interrupts off. Acknowledges and marks; a level pin is masked first. */
void irq_handle(struct trap_frame *frame);

/* Is a pin marked? While it is, the CPU must not halt. Interrupts off. */
bool irq_waiting(void);

/* Lets the owners of marked pins act. From the run loop, interrupts off. */
void irq_run(void);

/* Pin `phys` fires as virtual pin `pin` of ioapic. */
void irq_forward(unsigned int phys, struct vioapic *ioapic, unsigned int pin);

/* Calls fn at each interrupt of an edge-triggered pin, and unmasks it. */
void irq_own(unsigned int phys, void (*fn)(void));

/*
 * While fn is set, a forwarded pin calls it instead; NULL gives the pin back to its virtual
 * IOAPIC pin. When the device is served irq_reopen() lets the pin fire again, unless the VM masks
 * it; irq_pass() gives this one interrupt to the VM after all, whose EOI opens the pin.
 */
void irq_steal(unsigned int phys, void (*fn)(void));
void irq_reopen(unsigned int phys);
void irq_pass(unsigned int phys);

extern uint64_t irq_count, irq_spurious;

#endif
