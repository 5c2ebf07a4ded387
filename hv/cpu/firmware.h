/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the firmware's ACPI tables say of the machine. Of all tables these are read: RSDP, RSDT or
 * XSDT, MADT, MCFG, FADT; and the DSDT, whose code is never run, for the one package that names the
 * value of sleep state S5. Each has its length bounded and its checksum verified before anything of
 * it is believed; one that is bad is named in the log and counts as not there. Nobody writes them
 * any more, so they are read in place.
 *
 * Source: ACPI 6.4, 5.2.5 (RSDP), 5.2.7 and 5.2.8 (RSDT, XSDT), 5.2.9 (FADT), 5.2.12 (MADT), 7.4.2
 * (_S5), 20.2 (AML); PCI Firmware 3.2, 4.1.2 (MCFG).
 */
#ifndef HV_CPU_FIRMWARE_H
#define HV_CPU_FIRMWARE_H

#include "lib/types.h"

#define FIRMWARE_CPUS    256
#define FIRMWARE_IOAPICS 8

enum firmware_space { SPACE_MEMORY = 0, SPACE_IO = 1, SPACE_PCI = 2, SPACE_NONE = 0xff };

/* A register of one byte, anywhere (ACPI's Generic Address Structure). */
struct firmware_register {
	enum firmware_space space;
	uint64_t address; /* SPACE_PCI, on bus 0: device << 32 | function << 16 | offset */
};

struct firmware {
	bool acpi; /* a root table was found */
	/* MADT: APIC ids of CPUs that may be started, each once. */
	unsigned int cpus;
	uint32_t cpu[FIRMWARE_CPUS];
	unsigned int ioapics;
	struct {
		hpa_t hpa;
		uint32_t first_pin;
	} ioapic[FIRMWARE_IOAPICS];
	/* MCFG: configuration space of PCI segment 0 in memory; 0: none. */
	hpa_t pcie;
	uint8_t first_bus, last_bus;
	/* FADT. */
	struct firmware_register reset;
	uint8_t reset_value;
	uint16_t pm1a_control, pm1b_control; /* ports; 0: none */
	uint16_t smi_command; /* the port at which ACPI is switched on; 0: it is on */
	uint8_t acpi_enable;  /* what is written there */
	/* DSDT. */
	bool has_s5;
	uint8_t s5_type[2]; /* for either of the control ports */
};
extern struct firmware firmware;

/*
 * Once, when RAM can be reached (paging_view()), before any VM's memory is cleared. rsdp: what the
 * boot loader says is the RSDP, so many bytes; size 0: it is looked for where a BIOS has it.
 * Interrupts off.
 */
void firmware_read(const uint8_t *rsdp, uint32_t size);

/* What was found, in lines of the log. */
void firmware_print(void);

#endif
