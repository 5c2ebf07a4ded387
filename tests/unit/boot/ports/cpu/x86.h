/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of hv/cpu/x86.h: MSRs, ports and the clock are calls of the test. */
#ifndef TESTS_UNIT_BOOT_PORTS_X86_H
#define TESTS_UNIT_BOOT_PORTS_X86_H

#include "lib/types.h"

#define MSR_APIC_BASE 0x1b

uint64_t rdmsr(uint32_t msr);
void wrmsr(uint32_t msr, uint64_t val);
uint8_t inb(uint16_t port);
void outb(uint16_t port, uint8_t val);
uint64_t rdtsc(void);

#endif
