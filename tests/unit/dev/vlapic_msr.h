/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A local APIC in x2APIC mode, enabled, and short names for its registers. */
#ifndef TESTS_UNIT_DEV_VLAPIC_MSR_H
#define TESTS_UNIT_DEV_VLAPIC_MSR_H

#include "fake.h"

#pragma GCC diagnostic ignored "-Wunused-function" /* no test uses them all */

#define X2(reg) (0x800 + (reg))
#define TPR     X2(0x08)
#define PPR     X2(0x0a)
#define EOI     X2(0x0b)
#define LDR     X2(0x0d)
#define SVR     X2(0x0f)
#define ISR     X2(0x10)
#define TMR     X2(0x18)
#define IRR     X2(0x20)
#define ESR     X2(0x28)
#define ICR     X2(0x30)
#define LVTT    X2(0x32)
#define LINT0   X2(0x35)
#define LVTERR  X2(0x37)
#define INITIAL X2(0x38)
#define CURRENT X2(0x39)
#define DIVIDE  X2(0x3e)
#define SELF    X2(0x3f)

#define BASE     0x1b
#define DEADLINE 0x6e0
#define PV_EOI   0x4b564d04

#define XAPIC   0xfee00900UL
#define X2APIC  0xfee00d00UL
#define OFF     0xfee00100UL
#define ENABLED 0x1ff
#define MASKED  0x10000

#define ONE_SHOT 0
#define PERIODIC 0x20000
#define BY_TSC   0x40000

#define WORD_GPA (FAKE_RAM_GPA + 0x40)

static struct vlapic *const apic = &fake_vm.lapic;

static void wr(uint32_t msr, uint64_t val)
{
	if (!vlapic_msr_write(apic, msr, val))
		fail_msg("write of MSR %x = %lx refused", msr, val);
}

static uint64_t rd(uint32_t msr)
{
	uint64_t val = 0;

	if (!vlapic_msr_read(apic, msr, &val))
		fail_msg("read of MSR %x refused", msr);
	return val;
}

static void refused(uint32_t msr, uint64_t val)
{
	struct vlapic before = *apic;

	if (vlapic_msr_write(apic, msr, val))
		fail_msg("write of MSR %x = %lx accepted", msr, val);
	assert_memory_equal(&before, apic, sizeof(before));
}

static int setup(void **state)
{
	fake_reset(state);
	wr(BASE, X2APIC);
	wr(SVR, ENABLED);
	return 0;
}

/* One run of the vCPU that takes the offered vector. Returns it. */
static int take(void)
{
	int vector = vlapic_pending(apic);

	if (vector >= 0) {
		vlapic_pv_eoi_before_entry(apic, vector);
		vlapic_accept(apic, vector);
		vlapic_pv_eoi_after_exit(apic, true);
	}
	return vector;
}

static bool bit(uint32_t first_msr, unsigned int vector)
{
	return rd(first_msr + vector / 32) >> vector % 32 & 1;
}

#endif
