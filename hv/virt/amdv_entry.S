/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * void amdv_enter(uint64_t vmcb_hpa, uint64_t *gpr, uint64_t host_vmcb_hpa)
 *
 * Enters the guest and returns after #VMEXIT. RAX and RSP travel in the VMCB, the rest in gpr
 * (enum gpr order). VMLOAD/VMSAVE move FS, GS, TR, LDTR, KernelGS, STAR.. and SYSENTER state;
 * VMRUN saves the host's other state itself. GIF is 0 from CLGI to STGI, so nothing of the host
 * interrupts the half-switched state; IF must be 1 inside, or V_INTR_MASKING would keep physical
 * interrupts from ending the run (APM 2 15.21.1). On return IF is 0.
 */
	.text
	.globl	amdv_enter
amdv_enter:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	pushq	%rsi			/* 8(%rsp): gpr */
	pushq	%rdx			/* 0(%rsp): host_vmcb */
	clgi
	sti
	movq	%rdi, %rax
	movq	0x08(%rsi), %rcx
	movq	0x10(%rsi), %rdx
	movq	0x18(%rsi), %rbx
	movq	0x28(%rsi), %rbp
	movq	0x38(%rsi), %rdi
	movq	0x40(%rsi), %r8
	movq	0x48(%rsi), %r9
	movq	0x50(%rsi), %r10
	movq	0x58(%rsi), %r11
	movq	0x60(%rsi), %r12
	movq	0x68(%rsi), %r13
	movq	0x70(%rsi), %r14
	movq	0x78(%rsi), %r15
	movq	0x30(%rsi), %rsi
	vmload	%rax
	vmrun	%rax
	vmsave	%rax			/* RAX was restored by #VMEXIT: the VMCB */
	movq	8(%rsp), %rax
	movq	%rcx, 0x08(%rax)
	movq	%rdx, 0x10(%rax)
	movq	%rbx, 0x18(%rax)
	movq	%rbp, 0x28(%rax)
	movq	%rsi, 0x30(%rax)
	movq	%rdi, 0x38(%rax)
	movq	%r8, 0x40(%rax)
	movq	%r9, 0x48(%rax)
	movq	%r10, 0x50(%rax)
	movq	%r11, 0x58(%rax)
	movq	%r12, 0x60(%rax)
	movq	%r13, 0x68(%rax)
	movq	%r14, 0x70(%rax)
	movq	%r15, 0x78(%rax)
	movq	(%rsp), %rax
	vmload	%rax			/* the hypervisor's TR and the rest */
	cli
	stgi
	addq	$16, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret
	.section .note.GNU-stack, "", @progbits
