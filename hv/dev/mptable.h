/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Intel MultiProcessor table 1.4 that a VM finds at gpa 0xf0000: one CPU (id 0, signature and
 * features as CPUID says), PCI bus 0 + ISA bus 1, one IOAPIC (dev/vioapic.h). Linux with acpi=off
 * takes its interrupt routing from it.
 */
#ifndef HV_DEV_MPTABLE_H
#define HV_DEV_MPTABLE_H

#include "lib/types.h"

struct mp_pci_irq {
	uint8_t slot; /* device number on bus 0, < 32 */
	uint8_t pin;  /* 0 = INTA */
	uint8_t ioapic_pin;
	bool active_low, edge; /* edge: triggered so and active high; else by level */
};

/*
 * Writes floating pointer and table into buf, which the VM will see at gpa (16-byte aligned, below
 * 4 GiB). Serial IRQ 4 is always an ISA entry, edge, on pin 4. Returns the bytes used, or -ENOSPC
 * and buf is as it was.
 */
int mptable_build(void *buf, size_t size, gpa_t gpa, const struct mp_pci_irq *irq, size_t count);

#endif
