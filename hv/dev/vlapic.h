/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's local APIC: id 0, six LVT entries, starts in xAPIC mode (Linux 6.1 fails in read_apic_id
 * otherwise), so the few early accesses to 0xfee00000 come through vlapic_mmio_*(); then x2APIC by
 * MSR. Timer: TSC-deadline and one-shot/periodic (divider honoured, bus clock = TSC/16). Only fixed
 * and lowest-priority interrupts exist: the VM has one CPU, so INIT and start-up have no receiver,
 * and NMI and SMI are not given to VMs. Source: Intel SDM 3A ch. 10, AMD APM 2 ch. 16; PV-EOI:
 * Linux Documentation/virt/kvm/x86/msr.rst. All functions: interrupts off, on the CPU of the vCPU.
 * Bad accesses never hurt anyone but the VM.
 */
#ifndef HV_DEV_VLAPIC_H
#define HV_DEV_VLAPIC_H

#include "cpu/timer.h"
#include "lib/types.h"

#define VLAPIC_GPA 0xfee00000UL

/* The local vector table. */
enum {
	VLAPIC_LVT_TIMER,
	VLAPIC_LVT_THERMAL,
	VLAPIC_LVT_PERF,
	VLAPIC_LVT_LINT0,
	VLAPIC_LVT_LINT1,
	VLAPIC_LVT_ERROR,
	VLAPIC_LVTS
};
#define VLAPIC_LVT_MASKED BIT(16)

/* A bit for each vector, and a summary: bit n, word n is not zero. Most of the time few are set. */
struct vlapic_map {
	uint32_t word[8];
	uint32_t used;
};

struct vm;

struct vlapic {
	struct vm *vm;
	uint64_t base_msr; /* IA32_APIC_BASE */
	struct vlapic_map irr, isr, tmr;
	uint32_t svr, tpr, esr, esr_latch, timer_divide, timer_initial;
	uint32_t lvt[VLAPIC_LVTS];
	uint32_t ldr, dfr; /* xAPIC mode only; in x2APIC mode the LDR follows from the id */
	uint64_t icr;
	uint64_t deadline;              /* TSC of the next timer interrupt; 0 = none */
	uint64_t period;                /* TSC ticks; 0 = one-shot */
	uint64_t pv_eoi_msr;            /* KVM's PV-EOI (MSR 0x4b564d04): address | 1 */
	volatile uint32_t *pv_eoi_word; /* where that is; NULL: off */
	bool pv_eoi_pending;            /* the word in the guest was set to 1 */
	int offered;                    /* the vector offered at the present entry, or -1 */
	bool raised_again;              /* and raised since */
	struct timer timer;
	uint64_t accepted; /* interrupts that the CPU took */
	uint64_t timer_irqs, eois,
		pv_eois; /* eois: by register, each an exit; pv_eois: in memory */
};

void vlapic_init(struct vlapic *apic, struct vm *vm);

/*
 * MSRs 0x1b, 0x6e0, 0x800..0x8ff, 0x4b564d04. Return false: not mine, not there in the present
 * mode, or (write) a value that the manual answers with #GP; nothing has changed then and *val is
 * untouched.
 */
bool vlapic_msr_read(struct vlapic *apic, uint32_t msr, uint64_t *val);
bool vlapic_msr_write(struct vlapic *apic, uint32_t msr, uint64_t val);

/*
 * A 32-bit access at offset off (< 4096) of the xAPIC page. Outside xAPIC mode: all ones, ignored.
 */
uint32_t vlapic_mmio_read(struct vlapic *apic, uint32_t off);
void vlapic_mmio_write(struct vlapic *apic, uint32_t off, uint32_t val);

/* CR8 is bits 7:4 of the TPR. */
static inline uint64_t vlapic_cr8_read(const struct vlapic *apic)
{
	return apic->tpr >> 4;
}

static inline void vlapic_cr8_write(struct vlapic *apic, uint64_t val)
{
	apic->tpr = (val & 0xf) << 4;
}

/*
 * Sets the IRR bit of a vector, and lets a halted vCPU run when the vector is deliverable. level:
 * the IOAPIC is told at EOI. Returns false, and does nothing, when the APIC does not take it:
 * vector below 16, or disabled (SVR bit 8 or APIC_BASE). A level pin must then try again
 * (vioapic_rescan()).
 */
bool vlapic_raise(struct vlapic *apic, unsigned int vector, bool level);

/* The vector to inject now (IRR above ISR and TPR priority), or -1. Does not change anything. */
int vlapic_pending(const struct vlapic *apic);

/* Whether any vector waits, deliverable or not. */
bool vlapic_has_request(const struct vlapic *apic);

/*
 * The CPU took the vector at the last entry: IRR -> ISR. Between exit and
 * vlapic_pv_eoi_after_exit().
 */
void vlapic_accept(struct vlapic *apic, unsigned int vector);

/*
 * Around each entry, with the vector offered to the CPU or -1. PV-EOI: before_entry sets the
 * guest's word to 1 if the vector is edge and nothing else pends or is in service; the guest may
 * then end the interrupt by clearing the word, without an exit. after_exit, called after
 * vlapic_accept(), takes such an EOI, or the word back.
 */
void vlapic_pv_eoi_before_entry(struct vlapic *apic, int vector);
void vlapic_pv_eoi_after_exit(struct vlapic *apic, bool delivered);

#endif
