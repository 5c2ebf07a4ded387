/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One handler per kind of exit. */
#include "vm/exit.h"

#include "cpu/x86.h"
#include "debug/dump.h"
#include "debug/log.h"
#include "twin/castor.h"
#include "virt/virt_ops.h"
#include "vm/fpu.h"
#include "vm/guest_virt.h"

#define GP 13
#define UD 6

typedef void exit_fn(struct vcpu *vcpu, const struct vm_exit *exit);

/*
 * A physical interrupt: its handler has run, and the run loop does the rest. What the VM waited
 * for: it is offered again. What the vendor half has dealt with.
 */
static void on_nothing(struct vcpu *vcpu, const struct vm_exit *exit)
{
	(void)vcpu;
	(void)exit;
}

/*
 * With interrupts off nothing can wake it: Linux and the stub end so after power off. An
 * interrupt that was raised while the STI shadow held it back wakes at once: after the HLT
 * nothing would raise it again.
 */
static void on_hlt(struct vcpu *vcpu, const struct vm_exit *exit)
{
	vcpu->rip += exit->insn_len;
	virt->clear_int_shadow(vcpu);
	if (!(vcpu->rflags & RFLAGS_IF)) {
		vcpu->vm->ended_on_purpose = true;
		vm_stop(vcpu->vm, "powered off (HLT with interrupts off)");
	} else {
		vcpu->halted = vlapic_pending(&vcpu->vm->lapic) < 0;
	}
}

static void on_cpuid(struct vcpu *vcpu, const struct vm_exit *exit)
{
	cpuid_emulate(vcpu);
	vcpu->rip += exit->insn_len;
}

static void on_msr(struct vcpu *vcpu, const struct vm_exit *exit)
{
	uint32_t msr = vcpu->gpr[RCX];
	uint64_t val = (uint32_t)vcpu->gpr[RAX] | vcpu->gpr[RDX] << 32;
	bool ok = exit->msr.write ? msr_write(vcpu, msr, val) : msr_read(vcpu, msr, &val);

	if (!ok) {
		virt->inject_exception(vcpu, GP, true, 0);
		return;
	}
	if (!exit->msr.write) {
		vcpu->gpr[RAX] = (uint32_t)val;
		vcpu->gpr[RDX] = val >> 32;
	}
	vcpu->rip += exit->insn_len;
}

static void on_io(struct vcpu *vcpu, const struct vm_exit *exit)
{
	io_emulate(vcpu, exit);
	vcpu->rip += exit->insn_len;
}

static void on_npf(struct vcpu *vcpu, const struct vm_exit *exit)
{
	if (!mmio_emulate(vcpu, exit->npf.gpa))
		vm_kill(vcpu->vm, "%s of gpa %lx, where it has nothing",
			exit->npf.fetch   ? "instruction fetch"
			: exit->npf.write ? "write"
					  : "read",
			exit->npf.gpa);
}

/*
 * For a CPU that does not say it: mov %reg, %cr8 = [REX] 0f 22 /r, or f0 as alternative prefix.
 * Kills the VM where that is not at rip.
 */
static bool decode_cr8_write(struct vcpu *vcpu, uint8_t *reg, uint8_t *len)
{
	uint8_t b[5];
	unsigned int i = 0, rex = 0;

	if (guest_virt_read(vcpu, vcpu->rip, b, sizeof(b))) {
		vm_kill(vcpu->vm, "no instruction bytes at rip %lx", vcpu->rip);
		return false;
	}
	if (b[i] == 0xf0)
		i++;
	if ((b[i] & 0xf0) == 0x40)
		rex = b[i++];
	if (b[i] != 0x0f || b[i + 1] != 0x22) {
		vm_kill(vcpu->vm, "unknown write of CR8 at rip %lx", vcpu->rip);
		return false;
	}
	*reg = (b[i + 2] & 7) | (rex & 1) << 3;
	*len = i + 3;
	return true;
}

/* The register's low 4 bits are TPR[7:4]. */
static void on_cr8(struct vcpu *vcpu, const struct vm_exit *exit)
{
	struct vlapic *apic = &vcpu->vm->lapic;
	uint8_t reg = exit->cr8.reg, len = exit->insn_len;

	if (!len && !decode_cr8_write(vcpu, &reg, &len))
		return;
	if (exit->cr8.write)
		vlapic_cr8_write(apic, vcpu->gpr[reg]);
	else
		vcpu->gpr[reg] = vlapic_cr8_read(apic);
	vcpu->rip += len;
}

static void on_hypercall(struct vcpu *vcpu, const struct vm_exit *exit)
{
	vcpu->rip += exit->insn_len; /* before: an upcall inside lets the VM run on */
	if (castor_hypercall(vcpu))
		return;
	vcpu->rip -= exit->insn_len;
	virt->inject_exception(vcpu, UD, false, 0);
}

static void on_xsetbv(struct vcpu *vcpu, const struct vm_exit *exit)
{
	uint64_t val = (uint32_t)vcpu->gpr[RAX] | vcpu->gpr[RDX] << 32;
	struct vcpu_sysregs regs;

	virt->sysregs_read(vcpu,
			   &regs); /* with VT-x the exit may come before the check of the CPL */
	if (regs.cpl != 0 || (uint32_t)vcpu->gpr[RCX] != 0 || fpu_set_xcr0(vcpu->vm, val))
		virt->inject_exception(vcpu, GP, true, 0);
	else
		vcpu->rip += exit->insn_len;
}

static void on_shutdown(struct vcpu *vcpu, const struct vm_exit *exit)
{
	(void)exit;
	vm_kill(vcpu->vm, "triple fault");
}

/*
 * The VM's state is one that VMRUN refuses, or QEMU's TCG says so of what #GP would be on hardware:
 * reserved bits moved to CR3 or CR4 (target/i386/tcg/sysemu/misc_helper.c). A VM can bring that
 * about, so it is no reason for the others to end.
 */
static void on_invalid(struct vcpu *vcpu, const struct vm_exit *exit)
{
	(void)exit;
	vm_kill(vcpu->vm, "the CPU refused its control block, or a value for a control register");
}

/* Instructions of the virtualization extension itself and others a VM has no use for. */
static void on_other(struct vcpu *vcpu, const struct vm_exit *exit)
{
	/* Once: a line takes longer than the exit, and the VM would print at the others' cost. */
	if (vcpu->vm->exits[EXIT_OTHER] == 1)
		log_warn("%s: exit %lx at rip %lx answered with #UD, as others will be",
			 vcpu->vm->name, exit->code, vcpu->rip);
	virt->inject_exception(vcpu, UD, false, 0);
}

static exit_fn *const handlers[EXIT_KINDS] = {
	[EXIT_INTR] = on_nothing,
	[EXIT_HLT] = on_hlt,
	[EXIT_CPUID] = on_cpuid,
	[EXIT_MSR] = on_msr,
	[EXIT_IO] = on_io,
	[EXIT_NPF] = on_npf,
	[EXIT_CR8] = on_cr8,
	[EXIT_CR] = on_nothing,
	[EXIT_WINDOW] = on_nothing,
	[EXIT_HYPERCALL] = on_hypercall,
	[EXIT_INVLPG] = on_other,
	[EXIT_XSETBV] = on_xsetbv,
	[EXIT_SHUTDOWN] = on_shutdown,
	[EXIT_NMI] = on_nothing,
	[EXIT_INVALID] = on_invalid,
	[EXIT_OTHER] = on_other,
};

void exit_handle(struct vcpu *vcpu, const struct vm_exit *exit)
{
	vcpu->vm->exits[exit->kind]++;
	vcpu->last_exit = exit->kind;
	vcpu->last_code = exit->code;
	handlers[exit->kind](vcpu, exit);
}
