/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AMD-V (SVM in AMD's books; here that word is kept for software virtual memory). Source: AMD APM
 * 2 chapter 15. QEMU's TCG offers nested paging only: no next RIP, no decode assists, no flush by
 * ASID, no clean bits; each is used nowhere.
 */
#include "cpu/x86.h"
#include "debug/log.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mem/layout.h"
#include "mem/phys.h"
#include "virt/amdv_vmcb.h"
#include "virt/io_bitmap.h"
#include "virt/nested.h"
#include "virt/npt.h"
#include "virt/virt_ops.h"
#include "vm/guest_virt.h"
#include "vm/vm.h"

#define MSR_VM_CR    0xc0010114
#define VM_CR_SVMDIS BIT(4)
#define MSR_HSAVE_PA 0xc0010117
#define PAT_RESET    0x0007040600070406UL
#define IOPM_SIZE    (3 * PAGE_SIZE)
#define MSRPM_SIZE   (2 * PAGE_SIZE)

void amdv_enter(hpa_t vmcb, uint64_t *gpr, hpa_t host_vmcb);

static hpa_t host_vmcb, msrpm;

static struct vmcb *vmcb_of(const struct vcpu *vcpu)
{
	return vcpu->vendor;
}

static int amdv_probe(const char **why)
{
	struct cpuid_regs feature = cpuid(0x80000001, 0);

	if (cpuid(0x80000000, 0).eax < 0x8000000a || !(feature.ecx & BIT(2))) {
		*why = "the CPU has no AMD-V (QEMU: -cpu EPYC,+svm,+npt)";
		return -ENODEV;
	}
	if (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS) {
		*why = "AMD-V is switched off by the firmware (VM_CR.SVMDIS)";
		return -ENODEV;
	}
	if (!(cpuid(0x8000000a, 0).edx & BIT(0))) {
		*why = "AMD-V without nested paging";
		return -ENODEV;
	}
	return 0;
}

/* MSRs that the VM uses directly: all of them are switched by VMLOAD/VMSAVE or lie in the VMCB. */
static const uint32_t direct_msrs[] = {
	0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, /* STAR LSTAR CSTAR SFMASK */
	0xc0000100, 0xc0000101, 0xc0000102,             /* FS, GS, kernel GS base */
	0x174,      0x175,      0x176,                  /* SYSENTER */
	0x277,                                          /* PAT */
};

static void msr_allow(uint8_t *map, uint32_t msr)
{
	uint32_t bit = 2 * (msr >= 0xc0000000 ? msr - 0xc0000000 + 0x2000 : msr);

	map[bit / 8] &= ~(3 << bit % 8);
}

static void amdv_cpu_enable(void)
{
	uint8_t *map;

	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_HSAVE_PA, hva_to_hpa(phys_alloc_hv(PAGE_SIZE)));
	host_vmcb = hva_to_hpa(phys_alloc_hv(PAGE_SIZE));
	asm volatile("vmsave %%rax" ::"a"(host_vmcb) : "memory");
	map = phys_alloc_hv(MSRPM_SIZE);
	memset(map, 0xff, MSRPM_SIZE);
	for (unsigned int i = 0; i < ARRAY_SIZE(direct_msrs); i++)
		msr_allow(map, direct_msrs[i]);
	msrpm = hva_to_hpa(map);
}

static void set_controls(struct vmcb *vmcb, struct vm *vm)
{
	vmcb->intercept[0] = VMCB_CR8_WRITE; /* TCG aborts on a CR8 write with V_IRQ pending */
	vmcb->intercept[3] = VMCB_INTR | VMCB_NMI | VMCB_CPUID | VMCB_INVD | VMCB_HLT |
			     VMCB_INVLPGA | VMCB_IOIO | VMCB_MSR | VMCB_SHUTDOWN;
	vmcb->intercept[4] = VMCB_VMRUN | VMCB_VMMCALL | VMCB_VMLOAD | VMCB_VMSAVE | VMCB_STGI |
			     VMCB_CLGI | VMCB_SKINIT | VMCB_MONITOR | VMCB_MWAIT | VMCB_XSETBV;
	vmcb->iopm_hpa = hva_to_hpa(vm->io_bitmap);
	vmcb->msrpm_hpa = msrpm;
	vmcb->asid = vm->id + 1;
	vmcb->int_ctl = VMCB_V_INTR_MASKING;
	vmcb->np_enable = VMCB_NP_ENABLE;
	vmcb->np_cr3 = hva_to_hpa(vm->nested_root);
}

static void set_entry(struct vmcb *vmcb, const struct vcpu_entry *entry)
{
	/* Attributes: APM 2 15.5.1, the descriptor's bits 55:52 and 47:40 packed into 12 bits. */
	uint16_t code = entry->long_mode ? 0xa9b : 0xc9b;
	struct vmcb_segment data = { 0x18, 0xc93, 0xffffffff, 0 };

	vmcb->cs = (struct vmcb_segment){ 0x10, code, 0xffffffff, 0 };
	vmcb->ss = vmcb->ds = vmcb->es = vmcb->fs = vmcb->gs = data;
	vmcb->tr = (struct vmcb_segment){ 0, 0x8b, 0x67, 0 };
	vmcb->ldtr = (struct vmcb_segment){ 0, 0x82, 0xffff, 0 };
	vmcb->gdtr.base = entry->gdt_base;
	vmcb->gdtr.limit = entry->gdt_base ? 0x1f : 0;
	vmcb->efer = EFER_SVME | (entry->long_mode ? EFER_LME | EFER_LMA : 0);
	vmcb->cr0 = 0x31 | (entry->long_mode ? CR0_PG : 0); /* PE, ET, NE */
	vmcb->cr4 = entry->long_mode ? CR4_PAE : 0;
	vmcb->cr3 = entry->cr3;
	vmcb->dr6 = 0xffff0ff0;
	vmcb->dr7 = 0x400;
	vmcb->pat = PAT_RESET;
}

static int amdv_vcpu_init(struct vcpu *vcpu, const struct vcpu_entry *entry)
{
	hpa_t hpa = vcpu->vendor ? hva_to_hpa(vcpu->vendor)
				 : phys_alloc(PAGE_SIZE, PAGE_SIZE, FRAME_HV);

	if (!hpa)
		return -ENOMEM;
	vcpu->vendor = hpa_to_hva(hpa);
	memset(vcpu->vendor, 0, PAGE_SIZE);
	vmcb_of(vcpu)->tlb_control = VMCB_TLB_FLUSH_ALL; /* of the life before, under this ASID */
	set_controls(vmcb_of(vcpu), vcpu->vm);
	set_entry(vmcb_of(vcpu), entry);
	vcpu->rip = entry->rip;
	vcpu->gpr[RSP] = entry->rsp;
	vcpu->gpr[RBX] = entry->rbx;
	vcpu->gpr[RSI] = entry->rsi;
	vcpu->rflags = 2;
	return 0;
}

static void decode_io(const struct vmcb *vmcb, struct vm_exit *exit)
{
	uint64_t info = vmcb->exit_info_1;

	exit->kind = EXIT_IO;
	exit->insn_len = vmcb->exit_info_2 - vmcb->rip;
	exit->io.port = info >> 16;
	exit->io.size = info >> 4 & 7;
	exit->io.write = !(info & IOIO_IN);
	exit->io.string = info & IOIO_STRING;
}

static void decode_npf(const struct vmcb *vmcb, struct vm_exit *exit)
{
	uint64_t info = vmcb->exit_info_1;

	exit->kind = EXIT_NPF;
	exit->npf.gpa = vmcb->exit_info_2;
	exit->npf.write = info & NPF_WRITE;
	exit->npf.fetch = info & NPF_FETCH;
	exit->npf.present = info & NPF_PRESENT;
}

/* Decodes exit code and information into the vendor-neutral form. */
static void decode_exit(const struct vmcb *vmcb, struct vm_exit *exit)
{
	*exit = (struct vm_exit){ .kind = EXIT_OTHER, .code = vmcb->exit_code };
	switch ((uint32_t)vmcb->exit_code) {
	case VMEXIT_INTR:
		exit->kind = EXIT_INTR;
		break;
	case VMEXIT_NMI:
		exit->kind = EXIT_NMI;
		break;
	case VMEXIT_HLT:
		exit->kind = EXIT_HLT;
		exit->insn_len = 1;
		break;
	case VMEXIT_CPUID:
		exit->kind = EXIT_CPUID;
		exit->insn_len = 2;
		break;
	case VMEXIT_MSR:
		exit->kind = EXIT_MSR;
		exit->insn_len = 2;
		exit->msr.write = vmcb->exit_info_1 & 1;
		break;
	case VMEXIT_IOIO:
		decode_io(vmcb, exit);
		break;
	case VMEXIT_NPF:
		decode_npf(vmcb, exit);
		break;
	case VMEXIT_CR8_WRITE:
		exit->kind = EXIT_CR8;
		exit->cr8.write = true;
		break;
	case VMEXIT_VMMCALL:
		exit->kind = EXIT_HYPERCALL;
		exit->insn_len = 3;
		break;
	case VMEXIT_INVLPG:
		exit->kind = EXIT_INVLPG;
		break;
	case VMEXIT_XSETBV:
		exit->kind = EXIT_XSETBV;
		exit->insn_len = 3;
		break;
	case VMEXIT_SHUTDOWN:
		exit->kind = EXIT_SHUTDOWN;
		break;
	case VMEXIT_INVALID_LOW:
		exit->kind = EXIT_INVALID;
		break;
	}
}

/*
 * TCG loses the STI shadow over VMRUN, so an interrupt would land between STI and HLT and the HLT
 * would sleep past it. An interrupt that is offered there wakes the HLT anyway, so the HLT is
 * skipped.
 */
static void skip_shadowed_hlt(struct vcpu *vcpu, struct vmcb *vmcb)
{
	uint8_t byte;

	if (!(vmcb->int_state & VMCB_INT_SHADOW))
		return;
	if (guest_virt_read(vcpu, vcpu->rip, &byte, 1) == 0 && byte == 0xf4) {
		vcpu->rip++;
		vmcb->int_state = 0;
	}
}

static void amdv_vcpu_run(struct vcpu *vcpu, int vector, bool *delivered, struct vm_exit *exit)
{
	struct vmcb *vmcb = vmcb_of(vcpu);

	vmcb->int_ctl = VMCB_V_INTR_MASKING;
	if (vector >= 0) {
		skip_shadowed_hlt(vcpu, vmcb);
		/*
		 * Never by EVENTINJ: QEMU delivers an external interrupt injected so now and then
		 * twice.
		 */
		vmcb->int_ctl |=
			VMCB_V_IRQ | VMCB_V_IGN_TPR | (uint32_t)(vector >> 4) << VMCB_V_PRIO_SHIFT;
		vmcb->int_vector = vector;
	}
	vmcb->rip = vcpu->rip;
	vmcb->rax = vcpu->gpr[RAX];
	vmcb->rsp = vcpu->gpr[RSP];
	vmcb->rflags = vcpu->rflags;
	amdv_enter(hva_to_hpa(vmcb), vcpu->gpr, host_vmcb);
	vcpu->rip = vmcb->rip;
	vcpu->gpr[RAX] = vmcb->rax;
	vcpu->gpr[RSP] = vmcb->rsp;
	vcpu->rflags = vmcb->rflags;
	vmcb->tlb_control = 0;
	*delivered = vector >= 0 && !(vmcb->int_ctl & VMCB_V_IRQ);
	/*
	 * An exception whose delivery was cut short by the exit is delivered again (bit 31 or it
	 * is garbage).
	 */
	vmcb->event_inject = 0;
	if (vmcb->exit_int_info & VMCB_EVENT_VALID && (vmcb->exit_int_info >> 8 & 7) != 0 &&
	    !(vector >= 0 && !*delivered)) {
		vmcb->event_inject = vmcb->exit_int_info;
		vmcb->event_error = vmcb->exit_int_error;
	}
	decode_exit(vmcb, exit);
	if (exit->kind == EXIT_INTR)
		asm volatile("sti; nop; cli" ::: "memory"); /* the handler runs here */
}

static void amdv_sysregs_read(const struct vcpu *vcpu, struct vcpu_sysregs *r)
{
	const struct vmcb *vmcb = vmcb_of(vcpu);

	*r = (struct vcpu_sysregs){
		.cr0 = vmcb->cr0,
		.cr2 = vmcb->cr2,
		.cr3 = vmcb->cr3,
		.cr4 = vmcb->cr4,
		.efer = vmcb->efer & ~(uint64_t)EFER_SVME,
		.pat = vmcb->pat,
		.cs_base = vmcb->cs.base,
		.fs_base = vmcb->fs.base,
		.gs_base = vmcb->gs.base,
		.kernel_gs_base = vmcb->kernel_gs_base,
		.cs = vmcb->cs.selector,
		.ss = vmcb->ss.selector,
		.cpl = vmcb->cpl,
		.long_code = (vmcb->efer & EFER_LMA) && (vmcb->cs.attrib & 0x200),
		.int_shadow = vmcb->int_state & VMCB_INT_SHADOW,
	};
}

/* SVME stays set whatever the VM writes: without it VMRUN refuses (APM 2 15.5.1). */
static void amdv_efer_write(struct vcpu *vcpu, uint64_t efer)
{
	struct vmcb *vmcb = vmcb_of(vcpu);
	uint64_t allowed = EFER_SCE | EFER_LME | EFER_NXE;

	vmcb->efer = (efer & allowed) | EFER_SVME | (vmcb->efer & EFER_LMA);
}

static void amdv_inject_exception(struct vcpu *vcpu, uint8_t vector, bool has_error, uint32_t error)
{
	struct vmcb *vmcb = vmcb_of(vcpu);

	vmcb->event_inject =
		VMCB_EVENT_VALID | VMCB_EVENT_EXC | vector | (has_error ? VMCB_EVENT_ERROR : 0);
	vmcb->event_error = error;
}

static void amdv_clear_int_shadow(struct vcpu *vcpu)
{
	vmcb_of(vcpu)->int_state = 0;
}

/* VMLOAD restores them from the host's own area at each exit. */
static void amdv_host_segments(uint64_t fs_base, uint64_t gs_base)
{
	wrmsr(MSR_FS_BASE, fs_base);
	wrmsr(MSR_GS_BASE, gs_base);
	asm volatile("vmsave %%rax" ::"a"(host_vmcb) : "memory");
}

static void amdv_io_intercept(struct vm *vm, uint16_t first, uint16_t last, bool on)
{
	io_bitmap_set(vm, IOPM_SIZE, first, last, on);
}

static void flush(struct vm *vm)
{
	if (vm->vcpu.vendor)
		vmcb_of(&vm->vcpu)->tlb_control = VMCB_TLB_FLUSH_ALL;
}

static int amdv_nested_map(struct vm *vm, gpa_t gpa, hpa_t hpa, uint64_t len, bool write,
			   enum nested_type type)
{
	flush(vm);
	return nested_map(vm, gpa, hpa, len, npt_leaf(write, type));
}

static void amdv_nested_unmap(struct vm *vm, gpa_t gpa, uint64_t len)
{
	flush(vm);
	nested_unmap(vm, gpa, len);
}

static void dump_segment(const char *name, const struct vmcb_segment *s)
{
	log_info("  %-4s sel %04x attr %03x limit %08x base %016lx", name, s->selector, s->attrib,
		 s->limit, s->base);
}

static void amdv_dump(const struct vcpu *vcpu)
{
	const struct vmcb *v = vmcb_of(vcpu);

	log_info("  vmcb: exit %lx info %lx %lx int_info %x intercept %x %x %x", v->exit_code,
		 v->exit_info_1, v->exit_info_2, v->exit_int_info, v->intercept[0], v->intercept[3],
		 v->intercept[4]);
	log_info("  int_ctl %x vector %x state %lx inject %x asid %u np_cr3 %lx", v->int_ctl,
		 v->int_vector, v->int_state, v->event_inject, v->asid, v->np_cr3);
	dump_segment("cs", &v->cs);
	dump_segment("ss", &v->ss);
	dump_segment("ds", &v->ds);
	dump_segment("tr", &v->tr);
	dump_segment("gdtr", &v->gdtr);
	dump_segment("idtr", &v->idtr);
}

const struct virt_ops amdv_ops = {
	.name = "AMD-V",
	.probe = amdv_probe,
	.cpu_enable = amdv_cpu_enable,
	.vcpu_init = amdv_vcpu_init,
	.vcpu_run = amdv_vcpu_run,
	.sysregs_read = amdv_sysregs_read,
	.efer_write = amdv_efer_write,
	.inject_exception = amdv_inject_exception,
	.clear_int_shadow = amdv_clear_int_shadow,
	.host_segments = amdv_host_segments,
	.io_intercept = amdv_io_intercept,
	.nested_map = amdv_nested_map,
	.nested_unmap = amdv_nested_unmap,
	.nested_lookup = nested_lookup,
	.dump = amdv_dump,
};
