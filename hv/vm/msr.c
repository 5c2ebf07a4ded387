/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Model-specific registers of a VM that exit. Unknown ones read 0 and ignore writes, counted:
 * Linux probes many that depend on the CPU model, and a #GP for each would only fill its log.
 */
#include "cpu/x86.h"
#include "virt/virt_ops.h"
#include "vm/exit.h"

#define MSR_TSC         0x10
#define MSR_MISC_ENABLE 0x1a0
#define MISC_FAST_REP   BIT(0)              /* without it Linux avoids REP MOVS */
#define MISC_NO_PERF    (BIT(11) | BIT(12)) /* neither BTS nor PEBS */

/* The local APIC's: what it does not know of these is reserved and gives #GP, as on hardware. */
static bool is_apic_msr(uint32_t msr)
{
	return msr == MSR_APIC_BASE || msr == 0x6e0 || (msr >= 0x800 && msr < 0x900) ||
	       msr == 0x4b564d04;
}

bool msr_read(struct vcpu *vcpu, uint32_t msr, uint64_t *val)
{
	struct vcpu_sysregs sys;

	if (vlapic_msr_read(&vcpu->vm->lapic, msr, val))
		return true;
	if (is_apic_msr(msr))
		return false;
	*val = 0;
	if (msr == MSR_EFER) {
		virt->sysregs_read(vcpu, &sys);
		*val = sys.efer;
	} else if (msr == MSR_TSC) {
		*val = rdtsc();
	} else if (msr == MSR_MISC_ENABLE) {
		*val = MISC_FAST_REP | MISC_NO_PERF; /* Intel's */
	} else {
		vcpu->vm->unknown_msr++;
	}
	return true;
}

bool msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t val)
{
	if (vlapic_msr_write(&vcpu->vm->lapic, msr, val))
		return true;
	if (is_apic_msr(msr))
		return false;
	if (msr == MSR_EFER)
		virt->efer_write(vcpu, val);
	else
		vcpu->vm->unknown_msr++;
	return true;
}
