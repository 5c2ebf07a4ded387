/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of hv/cpu/x86.h: a CPU that has every feature there is. */
#ifndef TESTS_UNIT_DEV_ONES_X86_H
#define TESTS_UNIT_DEV_ONES_X86_H

#include "lib/types.h"

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpuid(uint32_t leaf, uint32_t sub)
{
	(void)leaf;
	(void)sub;
	return (struct cpuid_regs){ ~0U, ~0U, ~0U, ~0U };
}

#endif
