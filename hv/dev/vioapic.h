/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's IOAPIC: 24 pins at gpa 0xfec00000, id 1, version 0x11. A pin may be mirrored to a physical
 * IOAPIC pin (passed-through device); then a level interrupt masks the physical pin and the VM's EOI unmasks it.
 * Source: Intel 82093AA datasheet. Interrupts off, on the CPU of the vCPU.
 */
#ifndef HV_DEV_VIOAPIC_H
#define HV_DEV_VIOAPIC_H

#include "lib/types.h"

#define VIOAPIC_PINS 24
#define VIOAPIC_GPA  0xfec00000UL

struct vm;

struct vioapic_pin {
	uint64_t rte;   /* redirection entry; starts masked */
	bool line;      /* level of the input */
	int16_t phys;   /* physical pin mirrored, or -1 */
	uint64_t count; /* interrupts delivered */
};

struct vioapic {
	struct vm *vm;
	uint32_t select;
	struct vioapic_pin pin[VIOAPIC_PINS];
};

void vioapic_init(struct vioapic *ioapic, struct vm *vm);
uint32_t vioapic_mmio_read(struct vioapic *ioapic, uint32_t off);
void vioapic_mmio_write(struct vioapic *ioapic, uint32_t off, uint32_t val);

/* Input level changed. Edge pins deliver on the rising edge, level pins while high and remote IRR is clear. */
void vioapic_set_line(struct vioapic *ioapic, unsigned int pin, bool level);

/* The vlapic tells of an EOI for a level vector. */
void vioapic_eoi(struct vioapic *ioapic, unsigned int vector);

/*
 * Mirrors virtual pin to physical pin: the RTE's mask, trigger and polarity are copied to the hardware with the
 * hypervisor's vector (cpu/ioapic.h: ioapic_route()). vioapic_phys_irq() is called by the interrupt handler when it fired.
 */
void vioapic_map(struct vioapic *ioapic, unsigned int pin, unsigned int phys);
void vioapic_phys_irq(struct vioapic *ioapic, unsigned int pin);

#endif
