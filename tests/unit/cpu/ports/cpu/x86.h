/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in front of hv/cpu/x86.h: a clock that the test moves by hand; its CPUID, MSRs, ports. */
#ifndef TESTS_CPU_X86_H
#define TESTS_CPU_X86_H

#include "lib/types.h"

#define MSR_PAT 0x277

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

uint64_t rdtsc(void);
struct cpuid_regs cpuid(uint32_t leaf, uint32_t sub);
uint64_t rdmsr(uint32_t msr);
void wrmsr(uint32_t msr, uint64_t val);
void __noreturn triple_fault(void);
uint8_t inb(uint16_t port);
uint16_t inw(uint16_t port);
void outb(uint16_t port, uint8_t val);
void outw(uint16_t port, uint16_t val);
void outl(uint16_t port, uint32_t val);

#endif
