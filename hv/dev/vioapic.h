/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's IOAPIC: 24 pins at gpa 0xfec00000, id 1, version 0x11. Every destination is the VM's one
 * CPU; delivery modes other than fixed and lowest priority (SMI, NMI, INIT, ExtINT) go nowhere.
 *
 * A pin may be mirrored to a physical IOAPIC pin (passed-through device). For a level interrupt the
 * handler masks the physical pin and calls vioapic_phys_irq(); the VM's EOI unmasks it, so if the
 * device still asserts its line it fires again. While the virtual pin is masked so is the physical
 * one: the line itself keeps a level interrupt. Source: Intel 82093AA datasheet. Interrupts off, on
 * the CPU of the vCPU.
 */
#ifndef HV_DEV_VIOAPIC_H
#define HV_DEV_VIOAPIC_H

#include "lib/types.h"

#define VIOAPIC_PINS 24
#define VIOAPIC_GPA  0xfec00000UL
#define VIOAPIC_ID   1

struct vm;

struct vioapic_pin {
	uint64_t rte; /* redirection entry; starts masked */
	bool line; /* level of the input; mirrored level pin: fired, and not ended by the VM yet */
	int16_t phys;   /* physical pin mirrored, or -1 */
	uint64_t count; /* interrupts delivered */
};

struct vioapic {
	struct vm *vm;
	uint32_t id, select;
	struct vioapic_pin pin[VIOAPIC_PINS];
};

void vioapic_init(struct vioapic *ioapic, struct vm *vm);

/*
 * A 32-bit access at offset off (< 4096): 0 selects a register, 0x10 accesses it; elsewhere 0,
 * ignored.
 */
uint32_t vioapic_mmio_read(struct vioapic *ioapic, uint32_t off);
void vioapic_mmio_write(struct vioapic *ioapic, uint32_t off, uint32_t val);

/*
 * Input level changed; a pin number beyond the last is ignored. Edge pins deliver on the rising
 * edge (lost while masked, as on the chip), level pins while high and remote IRR is clear. Not for
 * mirrored pins.
 */
void vioapic_set_line(struct vioapic *ioapic, unsigned int pin, bool level);

/* The vlapic tells of an EOI for a level vector. */
void vioapic_eoi(struct vioapic *ioapic, unsigned int vector);

/* The vlapic takes interrupts again: level pins that it refused try once more. */
void vioapic_rescan(struct vioapic *ioapic);

/*
 * Mirrors virtual pin to physical pin: the RTE's mask, trigger and polarity are copied to the
 * hardware with the hypervisor's vector (cpu/ioapic.h: ioapic_route()), now and at each change. The
 * caller sees to it that the interrupts of the physical pin come to vioapic_phys_irq(), which the
 * interrupt handler calls (for a level pin after it has masked it).
 */
void vioapic_map(struct vioapic *ioapic, unsigned int pin, unsigned int phys);
void vioapic_phys_irq(struct vioapic *ioapic, unsigned int pin);

/* The device was served without the VM: the physical pin is open again, unless the VM masks it. */
void vioapic_reopen(struct vioapic *ioapic, unsigned int pin);

#endif
