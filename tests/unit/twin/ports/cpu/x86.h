/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of hv/cpu/x86.h: privileged instructions do nothing, registers are the test's. */
#ifndef TESTS_UNIT_TWIN_PORTS_X86_H
#define TESTS_UNIT_TWIN_PORTS_X86_H

#include "lib/types.h"

#define MSR_PAT  0x277
#define CR4_LA57 BIT(12)

uint64_t fake_rdmsr(uint32_t msr);
#define rdmsr fake_rdmsr

static inline void invlpg(const void *addr)
{
	(void)addr;
}

static inline void write_cr3(uint64_t val)
{
	(void)val;
}

#endif
