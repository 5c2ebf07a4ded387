/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in front of hv/cpu/x86.h: a CPU that the test makes. */
#ifndef TESTS_UNIT_VIRT_X86_H
#define TESTS_UNIT_VIRT_X86_H

#include "lib/types.h"

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

struct cpuid_regs cpuid(uint32_t leaf, uint32_t sub);
uint64_t rdmsr(uint32_t msr);

#endif
