/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VM's CPUID says: the CPU's own answer, minus what is not emulated, plus what is. The
 * signature KVMKVMKVM makes Linux use the x2APIC without interrupt remapping; of KVM's features
 * only NOP_IO_DELAY and PV-EOI.
 */
#include "cpu/x86.h"
#include "virt/virt_ops.h"
#include "vm/exit.h"

#define KVM_BASE         0x40000000
#define KVM_NOP_IO_DELAY BIT(1)
#define KVM_PV_EOI       BIT(6)

#define L1_ECX_MONITOR        BIT(3)
#define L1_ECX_VMX            BIT(5)
#define L1_ECX_PCID           BIT(17)
#define L1_ECX_X2APIC         BIT(21)
#define L1_ECX_TSC_DEADLINE   BIT(24)
#define L1_ECX_OSXSAVE        BIT(27)
#define L1_ECX_HYPERVISOR     BIT(31)
#define L1_EDX_MTRR           BIT(12)
#define L6_EAX_ARAT           BIT(2)
#define L7_EBX_INVPCID        BIT(10)
#define L7_ECX_LA57           BIT(16)
#define LX1_ECX_SVM           BIT(2)
#define LX1_ECX_IBS           BIT(10)
#define LX1_ECX_OSVW          BIT(9)
#define LX7_EDX_INVARIANT_TSC BIT(8)
#define L7_1_EAX_LAM          BIT(26)
#define LX21_EAX_UAI          BIT(7)
#define CR4_OSXSAVE           BIT(18)

static void leaf_1(struct vcpu *vcpu, struct cpuid_regs *r)
{
	struct vcpu_sysregs sys;

	virt->sysregs_read(vcpu, &sys);
	r->ebx = (r->ebx & 0xff00) | 1 << 16; /* APIC id 0, one logical processor */
	r->ecx &= ~(L1_ECX_MONITOR | L1_ECX_VMX | L1_ECX_PCID | L1_ECX_OSXSAVE);
	r->ecx |= L1_ECX_HYPERVISOR | L1_ECX_X2APIC | L1_ECX_TSC_DEADLINE;
	if (sys.cr4 & CR4_OSXSAVE)
		r->ecx |= L1_ECX_OSXSAVE;
	r->edx &= ~L1_EDX_MTRR;
}

/*
 * Four levels of paging and no bits of a pointer that the CPU ignores (R1); no PCID, whose flushes
 * are not followed.
 */
static void leaf_7(uint32_t sub, struct cpuid_regs *r)
{
	if (sub == 0) {
		r->ebx &= ~L7_EBX_INVPCID;
		r->ecx &= ~L7_ECX_LA57;
	} else if (sub == 1) {
		r->eax &= ~L7_1_EAX_LAM;
	}
}

static void leaf_kvm(uint32_t leaf, struct cpuid_regs *r)
{
	*r = (struct cpuid_regs){ 0 };
	if (leaf == KVM_BASE)
		*r = (struct cpuid_regs){ KVM_BASE + 1, 0x4b4d564b, 0x564b4d56, 0x4d };
	else if (leaf == KVM_BASE + 1)
		r->eax = KVM_NOP_IO_DELAY | KVM_PV_EOI;
}

static void hide(const struct cpuid_hidden *h, struct cpuid_regs *r)
{
	r->eax &= ~h->eax;
	r->ebx &= ~h->ebx;
	r->ecx &= ~h->ecx;
	r->edx &= ~h->edx;
}

static void hide_vendors(uint32_t leaf, uint32_t sub, struct cpuid_regs *r)
{
	const struct cpuid_hidden *h = virt->cpuid_hidden;

	for (unsigned int i = 0; i < virt->cpuid_hidden_count; i++, h++)
		if (h->leaf == leaf && (h->sub == ANY_SUB || h->sub == sub))
			hide(h, r);
}

void cpuid_emulate(struct vcpu *vcpu)
{
	uint32_t leaf = vcpu->gpr[RAX], sub = vcpu->gpr[RCX];
	struct cpuid_regs r = cpuid(leaf, sub);

	hide_vendors(leaf, sub, &r);
	if (leaf >= KVM_BASE && leaf < KVM_BASE + 0x100)
		leaf_kvm(leaf, &r);
	else if (leaf == 1)
		leaf_1(vcpu, &r);
	else if (leaf == 6)
		r.eax |= L6_EAX_ARAT;
	else if (leaf == 7)
		leaf_7(sub, &r);
	else if (leaf == 0x80000001)
		r.ecx &= ~(LX1_ECX_SVM | LX1_ECX_IBS | LX1_ECX_OSVW);
	else if (leaf == 0x80000007)
		r.edx |= LX7_EDX_INVARIANT_TSC;
	else if (leaf == 0x80000021)
		r.eax &= ~LX21_EAX_UAI;
	else if (leaf == 0x8000000a)
		r = (struct cpuid_regs){ 0 };
	vcpu->gpr[RAX] = r.eax;
	vcpu->gpr[RBX] = r.ebx;
	vcpu->gpr[RCX] = r.ecx;
	vcpu->gpr[RDX] = r.edx;
}
