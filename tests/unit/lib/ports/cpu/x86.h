/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of hv/cpu/x86.h: ports are calls of the fake UART, control registers are the test's. */
#ifndef TESTS_UNIT_LIB_PORTS_X86_H
#define TESTS_UNIT_LIB_PORTS_X86_H

#include "lib/types.h"

#define MSR_EFER 0xc0000080
#define EFER_LMA BIT(10)
#define CR0_PG   BIT(31)

extern uint64_t fake_cr0, fake_cr2, fake_cr3, fake_cr4, fake_efer;

uint8_t inb(uint16_t port);
void outb(uint16_t port, uint8_t val);

static inline void cpu_relax(void)
{
}

static inline uint64_t read_cr0(void)
{
	return fake_cr0;
}

static inline uint64_t read_cr2(void)
{
	return fake_cr2;
}

static inline uint64_t read_cr3(void)
{
	return fake_cr3;
}

static inline uint64_t read_cr4(void)
{
	return fake_cr4;
}

static inline uint64_t rdmsr(uint32_t msr)
{
	return msr == MSR_EFER ? fake_efer : 0;
}

#endif
