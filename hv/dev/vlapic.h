/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's local APIC: x2APIC by MSR, starts in xAPIC mode (Linux 6.1 fails in read_apic_id otherwise), so the few
 * early accesses to 0xfee00000 come through vlapic_mmio(). Timer: TSC-deadline and one-shot/periodic
 * (divider honoured, bus clock = TSC/16). Source: Intel SDM 3A ch. 10, AMD APM 2 ch. 16.
 * All functions: interrupts off, on the CPU of the vCPU. Bad accesses never hurt anyone but the VM.
 */
#ifndef HV_DEV_VLAPIC_H
#define HV_DEV_VLAPIC_H

#include "cpu/timer.h"
#include "lib/types.h"

struct vm;

struct vlapic {
	struct vm *vm;
	uint64_t base_msr; /* IA32_APIC_BASE */
	uint32_t irr[8], isr[8], tmr[8];
	uint32_t svr, tpr, esr, timer_divide, timer_initial, lvt[7]; /* lvt[6] = CMCI */
	uint64_t icr;
	uint64_t deadline;   /* TSC of the next timer interrupt; 0 = none */
	uint64_t period;     /* TSC ticks; 0 = one-shot */
	uint64_t pv_eoi_msr; /* KVM's PV-EOI (MSR 0x4b564d04): address | 1 */
	bool pv_eoi_pending; /* the word in the guest was set to 1 */
	struct timer timer;
	uint64_t timer_irqs, eois, pv_eois;
};

void vlapic_init(struct vlapic *apic, struct vm *vm);

/* MSRs 0x1b, 0x6e0, 0x800..0x8ff, 0x4b564d04. Return false: not mine or not there (caller injects #GP or ignores). */
bool vlapic_msr_read(struct vlapic *apic, uint32_t msr, uint64_t *val);
bool vlapic_msr_write(struct vlapic *apic, uint32_t msr, uint64_t val);

/* A 32-bit access at offset off of the xAPIC page. */
uint32_t vlapic_mmio_read(struct vlapic *apic, uint32_t off);
void vlapic_mmio_write(struct vlapic *apic, uint32_t off, uint32_t val);

/* Sets the IRR bit of a vector (16..255; others are ignored). level: remote-IRR style, tells the IOAPIC at EOI. */
void vlapic_raise(struct vlapic *apic, unsigned int vector, bool level);

/* The vector to inject now (IRR above ISR and TPR priority), or -1. Does not change anything. */
int vlapic_pending(const struct vlapic *apic);

/* The CPU took the vector: IRR -> ISR. */
void vlapic_accept(struct vlapic *apic, unsigned int vector);

/*
 * PV-EOI around an entry (facts: only if `vector` is edge and nothing else pends or is in service):
 * before_entry may set the guest's word to 1; after_exit(delivered) takes an EOI made by the guest in memory.
 */
void vlapic_pv_eoi_before_entry(struct vlapic *apic, int vector);
void vlapic_pv_eoi_after_exit(struct vlapic *apic, bool delivered);

#endif
