/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's IOAPIC. Owned by the hypervisor; all pins start masked. Interrupts off. */
#ifndef HV_CPU_IOAPIC_H
#define HV_CPU_IOAPIC_H

#include "lib/types.h"

/*
 * Maps the one with pin 0, by the firmware's tables (firmware_read() came before) or where it
 * usually is; masks every pin; finds the number of pins.
 */
void ioapic_init(void);
unsigned int ioapic_pins(void);

/* Routes a pin to this CPU with vector VEC_PIN+pin (cpu/trap.h), fixed delivery. */
void ioapic_route(unsigned int pin, bool level, bool active_low, bool masked);

/* Each rising edge of the pin is an NMI of this CPU. */
void ioapic_route_nmi(unsigned int pin);
void ioapic_mask(unsigned int pin);
void ioapic_unmask(unsigned int pin);
uint32_t ioapic_rte(unsigned int pin); /* low half */

#endif
