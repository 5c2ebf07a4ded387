/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI tables of a guest, for kernels that take no MP table (Debian's cloud flavour) or are not
 * told acpi=off: RSDP, XSDT, FADT, MADT and the DSDT of dsdt.asl (ACPI 6.4, chapter 5). Hardware-
 * reduced: there is no fixed hardware (PM timer, SCI, PIC, PIT), as the VM has none.
 */
#ifndef HV_DEV_ACPI_H
#define HV_DEV_ACPI_H

#include "lib/types.h"

/* In a VM's low megabyte, where a kernel looks for the RSDP if nothing else says where it is. */
#define ACPI_GPA  0xe0000UL
#define ACPI_SIZE 0x1000UL

/*
 * Writes all tables into buf, which the VM will see at gpa (16-byte aligned, below 4 GiB); the RSDP
 * is at its start. Returns the bytes used, or -ENOSPC and buf is as it was.
 */
int acpi_build(void *buf, size_t size, gpa_t gpa);

#endif
