/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VT-x. Source: Intel SDM 3C chapters 24 to 29. Of what newer CPUs have (virtual interrupt
 * delivery, posted interrupts) nothing is used.
 *
 * Physical interrupts are not acknowledged by the exit but taken behind it, as with AMD-V.
 */
#include "cpu/timer.h"
#include "cpu/x86.h"
#include "debug/log.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mem/layout.h"
#include "mem/phys.h"
#include "virt/ept.h"
#include "virt/io_bitmap.h"
#include "virt/nested.h"
#include "virt/virt_ops.h"
#include "virt/vmx.h"
#include "virt/vtx_caps.h"
#include "virt/vtx_cpuid.h"
#include "virt/vtx_state.h"
#include "virt/vtx_words.h"
#include "vm/vm.h"

#define IO_BITMAP_SIZE (2 * PAGE_SIZE)
#define TIMER_US       1000
#define GP             13
#define SHARED_MSRS    5
#define DR6_RESET      0xffff0ff0UL

/* A vCPU: the first page is the CPU's own, in a format that only it knows. */
struct vtx_vcpu {
	uint8_t vmcs[PAGE_SIZE];
	bool launched;
	bool flush;          /* the TLB may have more than the nested tables say */
	bool window;         /* the exit at the VM's next chance to take an interrupt is on */
	uint32_t event;      /* to be delivered at the next entry, if EVENT_VALID */
	uint32_t error_code; /* of it */
	uint32_t insn_len;   /* of it, for software interrupts */
	uint64_t cr2;
	uint64_t exit_rip; /* where the last exit was */
	uint64_t msr[SHARED_MSRS], dr6;
	const char *refused; /* why the last entry failed, or NULL */
};

int vtx_enter(uint64_t *gpr, bool launched);

static struct vtx_controls controls;
static uint8_t *msr_bitmap;
static unsigned int timer_shift;
static uint64_t host_fs, host_gs; /* bases of the hypervisor's own FS and GS */

static struct vtx_vcpu *current;    /* whose VMCS the CPU has */
static struct vtx_vcpu *msrs_owner; /* whose values shared_msrs have */

/*
 * MSRs that the VM uses directly and that no exit switches: the hypervisor has no use for them,
 * so they keep a VM's values until another VM runs.
 */
static const uint32_t shared_msrs[SHARED_MSRS] = {
	0xc0000081,         0xc0000082, 0xc0000083, 0xc0000084, /* STAR LSTAR CSTAR FMASK */
	MSR_KERNEL_GS_BASE,
};

/* Those that the VM uses directly and that are fields of the VMCS. */
static const uint32_t switched_msrs[] = {
	MSR_FS_BASE, MSR_GS_BASE, 0x174, 0x175, 0x176, /* SYSENTER */
	MSR_PAT,
};

static struct vtx_vcpu *vtx_of(const struct vcpu *vcpu)
{
	return vcpu->vendor;
}

static int vtx_probe(const char **why)
{
	return vtx_choose(&controls, why);
}

/* One bit for reads and one, 2 KiB behind it, for writes; the MSRs from 0xc0000000 on 1 KiB up. */
static void msr_allow(uint32_t msr)
{
	uint32_t byte = (msr & 0x1fff) / 8 + (msr >= 0xc0000000 ? 0x400 : 0);

	msr_bitmap[byte] &= ~(1 << msr % 8);
	msr_bitmap[byte + 0x800] &= ~(1 << msr % 8);
}

static void make_msr_bitmap(void)
{
	msr_bitmap = phys_alloc_hv(PAGE_SIZE);
	memset(msr_bitmap, 0xff, PAGE_SIZE);
	for (unsigned int i = 0; i < ARRAY_SIZE(shared_msrs); i++)
		msr_allow(shared_msrs[i]);
	for (unsigned int i = 0; i < ARRAY_SIZE(switched_msrs); i++)
		msr_allow(switched_msrs[i]);
}

static void vtx_cpu_enable(void)
{
	uint32_t *region = phys_alloc_hv(PAGE_SIZE);

	if (!(rdmsr(MSR_FEATURE_CONTROL) & FEATURE_LOCKED))
		wrmsr(MSR_FEATURE_CONTROL,
		      rdmsr(MSR_FEATURE_CONTROL) | FEATURE_LOCKED | FEATURE_VMXON);
	write_cr0((read_cr0() | rdmsr(MSR_VMX_CR0_FIXED0)) & rdmsr(MSR_VMX_CR0_FIXED1));
	write_cr4((read_cr4() | rdmsr(MSR_VMX_CR4_FIXED0)) & rdmsr(MSR_VMX_CR4_FIXED1));
	*region = rdmsr(MSR_VMX_BASIC) & VMX_BASIC_REVISION;
	if (vmxon(hva_to_hpa(region)))
		boot_fail("VT-x does not start: the CPU refused VMXON");
	timer_shift = rdmsr(MSR_VMX_MISC) & 31;
	make_msr_bitmap();
}

static void load(struct vtx_vcpu *v)
{
	if (current == v)
		return;
	BUG_ON(vmptrld(hva_to_hpa(v->vmcs)));
	current = v;
	vmwrite(VMCS_HOST_FS_BASE, host_fs);
	vmwrite(VMCS_HOST_GS_BASE, host_gs);
}

/* And DR6; DR0 to DR3 are not switched with either vendor. */
static void switch_msrs(struct vtx_vcpu *v)
{
	if (msrs_owner == v)
		return;
	if (msrs_owner)
		msrs_owner->dr6 = read_dr6();
	write_dr6(v->dr6);
	for (unsigned int i = 0; i < SHARED_MSRS; i++) {
		if (msrs_owner)
			msrs_owner->msr[i] = rdmsr(shared_msrs[i]);
		wrmsr(shared_msrs[i], v->msr[i]);
	}
	msrs_owner = v;
}

static void set_controls(const struct vm *vm, bool long_mode)
{
	vmwrite(VMCS_PIN_CONTROLS, controls.pin);
	vmwrite(VMCS_PROC_CONTROLS, controls.proc);
	vmwrite(VMCS_PROC2_CONTROLS, controls.proc2);
	vmwrite(VMCS_EXIT_CONTROLS, controls.exit);
	vmwrite(VMCS_ENTRY_CONTROLS, controls.entry | (long_mode ? ENTRY_LONG_MODE : 0));
	vmwrite(VMCS_EXCEPTIONS, 0);
	vmwrite(VMCS_PF_ERROR_MASK, 0);
	vmwrite(VMCS_PF_ERROR_MATCH, 0);
	vmwrite(VMCS_CR3_TARGETS, 0);
	vmwrite(VMCS_EXIT_MSR_STORES, 0);
	vmwrite(VMCS_EXIT_MSR_LOADS, 0);
	vmwrite(VMCS_ENTRY_MSR_LOADS, 0);
	vmwrite(VMCS_ENTRY_EVENT, 0);
	vmwrite(VMCS_IO_BITMAP_A, hva_to_hpa(vm->io_bitmap));
	vmwrite(VMCS_IO_BITMAP_B, hva_to_hpa(vm->io_bitmap) + PAGE_SIZE);
	vmwrite(VMCS_MSR_BITMAP, hva_to_hpa(msr_bitmap));
	vmwrite(VMCS_TSC_OFFSET, 0);
	vmwrite(VMCS_LINK_POINTER, ~0UL);
	vmwrite(VMCS_EPT_POINTER, ept_pointer(hva_to_hpa(vm->nested_root)));
	if (controls.proc2 & PROC2_VPID)
		vmwrite(VMCS_VPID, vm->id + 1);
}

/* A VM that starts anew keeps its VPID, under which the TLB has the life before. */
static int vtx_vcpu_init(struct vcpu *vcpu, const struct vcpu_entry *entry)
{
	struct vtx_vcpu *v = vcpu->vendor;
	hpa_t hpa = v ? hva_to_hpa(v) : phys_alloc(sizeof(*v), PAGE_SIZE, FRAME_HV);

	if (!hpa)
		return -ENOMEM;
	if (v)
		BUG_ON(vmclear(hpa)); /* the CPU has parts of it until then */
	v = vcpu->vendor = hpa_to_hva(hpa);
	if (msrs_owner == v)
		msrs_owner = NULL;
	current = NULL;
	memset(v, 0, sizeof(*v));
	v->dr6 = DR6_RESET;
	*(uint32_t *)v->vmcs = rdmsr(MSR_VMX_BASIC) & VMX_BASIC_REVISION;
	BUG_ON(vmclear(hpa));
	load(v);
	v->flush = true;
	set_controls(vcpu->vm, entry->long_mode);
	vtx_set_host();
	vtx_set_entry(entry);
	vcpu->rip = v->exit_rip = entry->rip;
	vcpu->gpr[RSP] = entry->rsp;
	vcpu->gpr[RBX] = entry->rbx;
	vcpu->gpr[RSI] = entry->rsi;
	vcpu->rflags = 2;
	return 0;
}

static void decode_io(struct vm_exit *exit)
{
	uint64_t q = vmread(VMCS_QUALIFICATION);

	exit->kind = EXIT_IO;
	exit->io.port = IO_PORT(q);
	exit->io.size = IO_SIZE(q);
	exit->io.write = !(q & IO_IN);
	exit->io.string = q & IO_STRING;
}

/* The length of the instruction is not promised here; the decoder knows it. */
static void decode_violation(struct vm_exit *exit)
{
	uint64_t q = vmread(VMCS_QUALIFICATION);

	exit->kind = EXIT_NPF;
	exit->npf.gpa = vmread(VMCS_GUEST_PHYSICAL);
	exit->npf.write = q & EPT_WRITE;
	exit->npf.fetch = q & EPT_FETCH;
	exit->npf.present = q & EPT_PRESENT;
}

static void decode_cr(struct vcpu *vcpu, struct vm_exit *exit)
{
	uint64_t q = vmread(VMCS_QUALIFICATION);

	exit->kind = EXIT_CR;
	if (CR_NUMBER(q) == 8) {
		exit->kind = EXIT_CR8;
		exit->cr8.reg = CR_REGISTER(q);
		exit->cr8.write = CR_ACCESS(q) == CR_MOV_TO;
	} else if (CR_NUMBER(q) != 0 || vtx_hide_cr0(vcpu->gpr[CR_REGISTER(q)])) {
		vtx_ops.inject_exception(vcpu, GP, true, 0); /* a bit that VMs do not have */
	}
}

/* Decodes the exit into the vendor-neutral form; lengths of instructions are the CPU's. */
static void decode_exit(struct vcpu *vcpu, uint32_t reason, struct vm_exit *exit)
{
	*exit = (struct vm_exit){ .kind = EXIT_OTHER,
				  .code = reason,
				  .insn_len = vmread(VMCS_INSN_LEN) };
	switch (reason) {
	case REASON_EXCEPTION_OR_NMI:
		if (EVENT_TYPE(vmread(VMCS_EXIT_EVENT)) == EVENT_NMI)
			exit->kind = EXIT_NMI;
		break;
	case REASON_INTERRUPT:
	case REASON_TIMER:
		exit->kind = EXIT_INTR;
		break;
	case REASON_TRIPLE_FAULT:
		exit->kind = EXIT_SHUTDOWN;
		break;
	case REASON_WINDOW:
		exit->kind = EXIT_WINDOW;
		break;
	case REASON_CPUID:
		exit->kind = EXIT_CPUID;
		break;
	case REASON_HLT:
		exit->kind = EXIT_HLT;
		break;
	case REASON_VMCALL:
		exit->kind = EXIT_HYPERCALL;
		break;
	case REASON_CR:
		decode_cr(vcpu, exit);
		break;
	case REASON_IO:
		decode_io(exit);
		break;
	case REASON_RDMSR:
	case REASON_WRMSR:
		exit->kind = EXIT_MSR;
		exit->msr.write = reason == REASON_WRMSR;
		break;
	case REASON_EPT_VIOLATION:
		decode_violation(exit);
		break;
	case REASON_XSETBV:
		exit->kind = EXIT_XSETBV;
		break;
	case REASON_EPT_MISCONFIGURED:
		exit->kind = EXIT_INVALID;
		vtx_of(vcpu)->refused = "an entry of the extended page tables is wrong";
		break;
	}
}

/*
 * An external interrupt goes in by the entry itself where the VM can take it; else the exit at
 * its next chance is asked for. Returns whether it goes in.
 */
static bool offer(const struct vcpu *vcpu, struct vtx_vcpu *v, int vector)
{
	bool taken = vector >= 0 && !(v->event & EVENT_VALID) && (vcpu->rflags & RFLAGS_IF) &&
		     !(vmread(VMCS_INTERRUPTIBILITY) & BLOCKED_BY_STI_OR_SS);
	bool window = vector >= 0 && !taken;

	if (window != v->window) {
		vmwrite(VMCS_PROC_CONTROLS, controls.proc | (window ? PROC_WINDOW : 0));
		v->window = window;
	}
	if (taken)
		v->event = EVENT_VALID | vector;
	return taken;
}

/* INVEPT drops what the tables gave for guest addresses under any VPID as well (SDM 29.4.3.1). */
static void flush_tlb(const struct vm *vm)
{
	bool context = rdmsr(MSR_VMX_EPT_VPID) & EPT_CAP_INVEPT_CONTEXT;

	invept(context ? INVEPT_CONTEXT : INVEPT_ALL, ept_pointer(hva_to_hpa(vm->nested_root)));
}

static void before_entry(const struct vcpu *vcpu, struct vtx_vcpu *v)
{
	if (v->flush)
		flush_tlb(vcpu->vm);
	if (v->event & EVENT_VALID) {
		vmwrite(VMCS_ENTRY_EVENT, v->event);
		vmwrite(VMCS_ENTRY_ERROR_CODE, v->error_code);
		vmwrite(VMCS_ENTRY_INSN_LEN, v->insn_len);
	}
	/*
	 * Bochs misses a physical interrupt in a VM that was entered with its interrupts off: the
	 * timer ends the run instead. On hardware it costs an exit in a run of a millisecond.
	 */
	if (controls.pin & PIN_TIMER)
		vmwrite(VMCS_TIMER, us_to_tsc(TIMER_US) >> timer_shift);
	vmwrite(VMCS_RIP, vcpu->rip);
	vmwrite(VMCS_RSP, vcpu->gpr[RSP]);
	vmwrite(VMCS_RFLAGS, vcpu->rflags);
	write_cr2(v->cr2);
}

/*
 * An event whose delivery was cut short by the exit is delivered again; an external interrupt, too,
 * as it has left the local APIC's queue.
 */
static void keep_cut_event(struct vtx_vcpu *v)
{
	uint32_t event = vmread(VMCS_CUT_EVENT);

	v->event = 0;
	if (!(event & EVENT_VALID))
		return;
	v->event = event & ~(uint32_t)EVENT_UNDEFINED;
	v->error_code = vmread(VMCS_CUT_ERROR_CODE);
	v->insn_len = vmread(VMCS_INSN_LEN);
}

static void after_exit(struct vcpu *vcpu, struct vtx_vcpu *v)
{
	v->cr2 = read_cr2();
	v->launched = true;
	v->flush = false;
	vcpu->rip = v->exit_rip = vmread(VMCS_RIP);
	vcpu->gpr[RSP] = vmread(VMCS_RSP);
	vcpu->rflags = vmread(VMCS_RFLAGS);
	keep_cut_event(v);
}

/* Nothing of the VM ran. */
static void entry_failed(struct vtx_vcpu *v, bool by_instruction, struct vm_exit *exit)
{
	uint32_t code = vmread(by_instruction ? VMCS_INSN_ERROR : VMCS_EXIT_REASON);

	*exit = (struct vm_exit){ .kind = EXIT_INVALID, .code = code };
	v->refused = by_instruction ? vtx_insn_error_words(code)
				    : vtx_entry_words(code, vmread(VMCS_QUALIFICATION));
}

static void vtx_vcpu_run(struct vcpu *vcpu, int vector, bool *delivered, struct vm_exit *exit)
{
	struct vtx_vcpu *v = vtx_of(vcpu);
	int refused;

	load(v);
	switch_msrs(v);
	if (vcpu->rip != v->exit_rip) /* an instruction was done here: the shadow is over */
		vtx_ops.clear_int_shadow(vcpu);
	*delivered = offer(vcpu, v, vector);
	before_entry(vcpu, v);
	refused = vtx_enter(vcpu->gpr, v->launched);
	BUG_ON(refused == 1); /* there is no VMCS */
	if (refused || vmread(VMCS_EXIT_REASON) & REASON_ENTRY_FAILED) {
		*delivered = false;
		entry_failed(v, refused, exit);
		return;
	}
	after_exit(vcpu, v);
	decode_exit(vcpu, vmread(VMCS_EXIT_REASON) & 0xffff, exit);
	if (exit->kind == EXIT_INTR)
		asm volatile("sti; nop; cli" ::: "memory"); /* the handler runs here */
	else if (exit->kind == EXIT_NMI)
		asm volatile("int $2" ::: "memory"); /* and here; its IRET lets the next one in */
}

static void vtx_sysregs_read(const struct vcpu *vcpu, struct vcpu_sysregs *r)
{
	struct vtx_vcpu *v = vtx_of(vcpu);

	load(v);
	vtx_state_read(r);
	r->cr2 = v->cr2;
	r->kernel_gs_base = v == msrs_owner ? rdmsr(MSR_KERNEL_GS_BASE) : v->msr[SHARED_MSRS - 1];
}

/* LMA follows paging, and LME cannot change while that is on (#GP on hardware; here it stays). */
static void vtx_efer_write(struct vcpu *vcpu, uint64_t efer)
{
	uint64_t allowed = EFER_SCE | EFER_NXE, old;

	load(vtx_of(vcpu));
	old = vmread(VMCS_EFER);
	if (!(vmread(VMCS_CR0) & CR0_PG))
		allowed |= EFER_LME;
	vmwrite(VMCS_EFER, (efer & allowed) | (old & ~allowed));
}

/* In real mode none has an error code, and an entry with one is refused (SDM 27.2.1.3). */
static void vtx_inject_exception(struct vcpu *vcpu, uint8_t vector, bool has_error, uint32_t error)
{
	struct vtx_vcpu *v = vtx_of(vcpu);

	load(v);
	has_error = has_error && (vmread(VMCS_CR0) & CR0_PE);
	v->event = EVENT_VALID | EVENT_EXCEPTION << 8 | vector | (has_error ? EVENT_ERROR : 0);
	v->error_code = error;
}

static void vtx_clear_int_shadow(struct vcpu *vcpu)
{
	uint64_t state;

	load(vtx_of(vcpu));
	state = vmread(VMCS_INTERRUPTIBILITY);
	if (state & BLOCKED_BY_STI_OR_SS)
		vmwrite(VMCS_INTERRUPTIBILITY, state & ~(uint64_t)BLOCKED_BY_STI_OR_SS);
}

/* Each exit loads them from the VMCS it came from. */
static void vtx_host_segments(uint64_t fs_base, uint64_t gs_base)
{
	host_fs = fs_base;
	host_gs = gs_base;
	wrmsr(MSR_FS_BASE, fs_base);
	wrmsr(MSR_GS_BASE, gs_base);
	current = NULL; /* load() writes them */
}

static void vtx_io_intercept(struct vm *vm, uint16_t first, uint16_t last, bool on)
{
	io_bitmap_set(vm, IO_BITMAP_SIZE, first, last, on);
}

static void flush(struct vm *vm)
{
	if (vm->vcpu.vendor)
		vtx_of(&vm->vcpu)->flush = true;
}

static int vtx_nested_map(struct vm *vm, gpa_t gpa, hpa_t hpa, uint64_t len, bool write,
			  enum nested_type type)
{
	flush(vm);
	return nested_map(vm, gpa, hpa, len, ept_leaf(write, type));
}

static void vtx_nested_unmap(struct vm *vm, gpa_t gpa, uint64_t len)
{
	flush(vm);
	nested_unmap(vm, gpa, len);
}

static void vtx_dump(const struct vcpu *vcpu)
{
	struct vtx_vcpu *v = vtx_of(vcpu);

	load(v);
	if (v->refused)
		log_info("  vmcs: refused: %s", v->refused);
	vtx_state_dump();
	log_info("  event %x error %x window %u launched %u", v->event, v->error_code, v->window,
		 v->launched);
}

const struct virt_ops vtx_ops = {
	.name = "VT-x",
	.cpuid_hidden = vtx_cpuid_hidden,
	.cpuid_hidden_count = ARRAY_SIZE(vtx_cpuid_hidden),
	.probe = vtx_probe,
	.cpu_enable = vtx_cpu_enable,
	.vcpu_init = vtx_vcpu_init,
	.vcpu_run = vtx_vcpu_run,
	.sysregs_read = vtx_sysregs_read,
	.efer_write = vtx_efer_write,
	.inject_exception = vtx_inject_exception,
	.clear_int_shadow = vtx_clear_int_shadow,
	.host_segments = vtx_host_segments,
	.io_intercept = vtx_io_intercept,
	.nested_map = vtx_nested_map,
	.nested_unmap = vtx_nested_unmap,
	.nested_lookup = nested_lookup,
	.dump = vtx_dump,
};
