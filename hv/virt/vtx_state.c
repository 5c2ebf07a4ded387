/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virt/vtx_state.h"

#include "cpu/x86.h"
#include "lib/errno.h"
#include "virt/vmx.h"

#define PAT_RESET 0x0007040600070406UL

/* Bits of CR0 that the VM does not have but sees as it wrote them. */
#define CR0_HIDDEN (CR0_NE | CR0_NW | CR0_CD)

/*
 * Bits of CR4 that a VM may set: VME to UMIP, FSGSBASE, OSXSAVE, SMEP, SMAP, PKE. It sees the
 * others as 0 and gets #GP when it sets one. Not VMXE, not what widens pointers (R1) or tags
 * addresses, nothing whose state is not switched.
 */
#define CR4_ALLOWED (0xfff | BIT(16) | BIT(18) | BIT(20) | BIT(21) | BIT(22))

/* Access rights: a descriptor's bits 55:52 and 47:40 where they were (SDM 3C table 25-2). */
#define RIGHTS_CODE64 0xa09b
#define RIGHTS_CODE32 0xc09b
#define RIGHTS_DATA   0xc093
#define RIGHTS_TSS    0x8b

extern char vtx_exit[]; /* vtx_entry.S */

struct __packed table_register {
	uint16_t limit;
	uint64_t base;
};

/* A system descriptor's base is in four pieces (SDM 3A 7.2.3). */
static uint64_t descriptor_base(const uint64_t *d)
{
	return (d[0] >> 16 & 0xffffff) | (d[0] >> 56) << 24 | d[1] << 32;
}

void vtx_set_host(void)
{
	struct table_register gdt, idt;
	uint16_t cs, ss, tr;

	asm volatile("sgdt %0" : "=m"(gdt));
	asm volatile("sidt %0" : "=m"(idt));
	asm volatile("mov %%cs, %0" : "=r"(cs));
	asm volatile("mov %%ss, %0" : "=r"(ss));
	asm volatile("str %0" : "=r"(tr));
	vmwrite(VMCS_HOST_CR0, read_cr0());
	vmwrite(VMCS_HOST_CR3, read_cr3());
	vmwrite(VMCS_HOST_CR4, read_cr4());
	vmwrite(VMCS_HOST_CS, cs);
	vmwrite(VMCS_HOST_SS, ss);
	vmwrite(VMCS_HOST_DS, ss);
	vmwrite(VMCS_HOST_ES, ss);
	vmwrite(VMCS_HOST_FS, 0);
	vmwrite(VMCS_HOST_GS, 0);
	vmwrite(VMCS_HOST_TR, tr);
	vmwrite(VMCS_HOST_TR_BASE, descriptor_base((const uint64_t *)(gdt.base + tr)));
	vmwrite(VMCS_HOST_GDTR_BASE, gdt.base);
	vmwrite(VMCS_HOST_IDTR_BASE, idt.base);
	vmwrite(VMCS_HOST_SYSENTER_CS, 0);
	vmwrite(VMCS_HOST_SYSENTER_ESP, 0);
	vmwrite(VMCS_HOST_SYSENTER_EIP, 0);
	vmwrite(VMCS_HOST_EFER, rdmsr(MSR_EFER));
	vmwrite(VMCS_HOST_PAT, rdmsr(MSR_PAT));
	vmwrite(VMCS_HOST_RIP, (uint64_t)vtx_exit);
}

static void set_segment(enum vmcs_segment s, uint16_t selector, uint32_t limit, uint32_t rights)
{
	vmwrite(VMCS_ES_SELECTOR + 2 * s, selector);
	vmwrite(VMCS_ES_LIMIT + 2 * s, limit);
	vmwrite(VMCS_ES_RIGHTS + 2 * s, rights);
	vmwrite(VMCS_ES_BASE + 2 * s, 0);
}

static void set_segments(const struct vcpu_entry *entry)
{
	for (int s = SEG_ES; s <= SEG_GS; s++)
		set_segment(s, 0x18, 0xffffffff, RIGHTS_DATA);
	set_segment(SEG_CS, 0x10, 0xffffffff, entry->long_mode ? RIGHTS_CODE64 : RIGHTS_CODE32);
	set_segment(SEG_LDTR, 0, 0xffff, RIGHTS_UNUSABLE);
	set_segment(SEG_TR, 0, 0x67, RIGHTS_TSS);
	vmwrite(VMCS_GDTR_BASE, entry->gdt_base);
	vmwrite(VMCS_GDTR_LIMIT, entry->gdt_base ? 0x1f : 0);
	vmwrite(VMCS_IDTR_BASE, 0);
	vmwrite(VMCS_IDTR_LIMIT, 0);
}

void vtx_set_entry(const struct vcpu_entry *entry)
{
	uint64_t cr0 = 0x31 | (entry->long_mode ? CR0_PG : 0); /* PE, ET, NE */
	uint64_t cr4 = entry->long_mode ? CR4_PAE : 0;

	set_segments(entry);
	vmwrite(VMCS_CR0_MASK, CR0_HIDDEN);
	vmwrite(VMCS_CR0_SHADOW, cr0);
	vmwrite(VMCS_CR0, cr0);
	vmwrite(VMCS_CR4_MASK, ~(uint64_t)CR4_ALLOWED);
	vmwrite(VMCS_CR4_SHADOW, cr4);
	vmwrite(VMCS_CR4, cr4 | CR4_VMXE);
	vmwrite(VMCS_CR3, entry->cr3);
	vmwrite(VMCS_EFER, entry->long_mode ? EFER_LME | EFER_LMA : 0);
	vmwrite(VMCS_PAT, PAT_RESET);
	vmwrite(VMCS_DR7, 0x400);
	vmwrite(VMCS_DEBUGCTL, 0);
	vmwrite(VMCS_SYSENTER_CS, 0);
	vmwrite(VMCS_SYSENTER_ESP, 0);
	vmwrite(VMCS_SYSENTER_EIP, 0);
	vmwrite(VMCS_INTERRUPTIBILITY, 0);
	vmwrite(VMCS_ACTIVITY, 0);
	vmwrite(VMCS_PENDING_DEBUG, 0);
}

static uint64_t seen(enum vmcs_field real, enum vmcs_field shadow, uint64_t hidden)
{
	return (vmread(real) & ~hidden) | (vmread(shadow) & hidden);
}

void vtx_state_read(struct vcpu_sysregs *r)
{
	uint64_t efer = vmread(VMCS_EFER);

	*r = (struct vcpu_sysregs){
		.cr0 = seen(VMCS_CR0, VMCS_CR0_SHADOW, CR0_HIDDEN),
		.cr3 = vmread(VMCS_CR3),
		.cr4 = seen(VMCS_CR4, VMCS_CR4_SHADOW, ~(uint64_t)CR4_ALLOWED),
		.efer = efer,
		.pat = vmread(VMCS_PAT),
		.cs_base = vmread(VMCS_ES_BASE + 2 * SEG_CS),
		.fs_base = vmread(VMCS_ES_BASE + 2 * SEG_FS),
		.gs_base = vmread(VMCS_ES_BASE + 2 * SEG_GS),
		.cs = vmread(VMCS_ES_SELECTOR + 2 * SEG_CS),
		.ss = vmread(VMCS_ES_SELECTOR + 2 * SEG_SS),
		.cpl = RIGHTS_DPL(vmread(VMCS_ES_RIGHTS + 2 * SEG_SS)),
		.long_code =
			(efer & EFER_LMA) && (vmread(VMCS_ES_RIGHTS + 2 * SEG_CS) & RIGHTS_LONG),
		.int_shadow = vmread(VMCS_INTERRUPTIBILITY) & BLOCKED_BY_STI_OR_SS,
	};
}

int vtx_hide_cr0(uint64_t val)
{
	if ((val & CR0_NW) && !(val & CR0_CD))
		return -EINVAL;
	vmwrite(VMCS_CR0_SHADOW,
		(vmread(VMCS_CR0_SHADOW) & ~(uint64_t)CR0_HIDDEN) | (val & CR0_HIDDEN));
	return 0;
}

static void dump_segment(const char *name, enum vmcs_segment s)
{
	log_info("  %-4s sel %04lx rights %05lx limit %08lx base %016lx", name,
		 vmread(VMCS_ES_SELECTOR + 2 * s), vmread(VMCS_ES_RIGHTS + 2 * s),
		 vmread(VMCS_ES_LIMIT + 2 * s), vmread(VMCS_ES_BASE + 2 * s));
}

void vtx_state_dump(void)
{
	static const char *const names[SEG_COUNT] = { "es", "cs", "ss",   "ds",
						      "fs", "gs", "ldtr", "tr" };

	log_info("  vmcs: exit %lx qualification %lx event %lx gpa %lx cut %lx",
		 vmread(VMCS_EXIT_REASON), vmread(VMCS_QUALIFICATION), vmread(VMCS_EXIT_EVENT),
		 vmread(VMCS_GUEST_PHYSICAL), vmread(VMCS_CUT_EVENT));
	log_info("  controls: pin %lx proc %lx %lx exit %lx entry %lx ept %lx",
		 vmread(VMCS_PIN_CONTROLS), vmread(VMCS_PROC_CONTROLS), vmread(VMCS_PROC2_CONTROLS),
		 vmread(VMCS_EXIT_CONTROLS), vmread(VMCS_ENTRY_CONTROLS), vmread(VMCS_EPT_POINTER));
	log_info("  real cr0 %lx cr4 %lx dr7 %lx interruptibility %lx activity %lx pending %lx",
		 vmread(VMCS_CR0), vmread(VMCS_CR4), vmread(VMCS_DR7),
		 vmread(VMCS_INTERRUPTIBILITY), vmread(VMCS_ACTIVITY), vmread(VMCS_PENDING_DEBUG));
	for (int s = 0; s < SEG_COUNT; s++)
		dump_segment(names[s], s);
	log_info("  gdtr limit %lx base %lx, idtr limit %lx base %lx", vmread(VMCS_GDTR_LIMIT),
		 vmread(VMCS_GDTR_BASE), vmread(VMCS_IDTR_LIMIT), vmread(VMCS_IDTR_BASE));
}
