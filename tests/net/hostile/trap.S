/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 256 entries. An exception inside attempt() ends it; one outside, which should not be, and every
 * interrupt just return, after an end of interrupt that may be one too many.
 */
	.text
	.altmacro
	.macro STUB n
	.balign	16
	.if	(\n != 8) && (\n != 17) && (\n != 21) && ((\n < 10) || (\n > 14))
	pushq	$0
	.endif
	pushq	$\n
	jmp	trap_common
	.endm

	.balign	16
	.globl	trap_stubs
trap_stubs:
	.set	i, 0
	.rept	256
	STUB	%i
	.set	i, i + 1
	.endr

trap_common:
	pushq	%rax
	movq	8(%rsp), %rax
	cmpq	$32, %rax
	jae	1f
	cmpq	$0, saved_rsp
	jne	2f
1:	movl	$0xfee000b0, %eax
	movl	%eax, (%rax)
	popq	%rax
	addq	$16, %rsp
	iretq
2:	incq	%rax
	movq	saved_rsp, %rsp
	pushq	$2
	popfq
	jmp	leave_attempt

/* uint64_t attempt(operation_fn *fn) */
	.globl	attempt
attempt:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	movq	%rsp, saved_rsp
	call	*%rdi
	cli
	xorl	%eax, %eax
leave_attempt:
	cld
	movq	$0, saved_rsp
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret

/* void user_enter(const uint64_t regs[4]): rax, rbx, rcx, rdx of a vmmcall in ring 3. No return. */
	.globl	user_enter
user_enter:
	pushq	$0x1b
	pushq	$user_stack_top
	pushq	$2
	pushq	$0x23
	pushq	$user_code
	movq	(%rdi), %rax
	movq	8(%rdi), %rbx
	movq	16(%rdi), %rcx
	movq	24(%rdi), %rdx
	iretq
user_code:
	vmmcall
	int3		/* it was taken for a hypercall: the gate's privilege makes this #GP */

	.bss
	.balign	16
saved_rsp:
	.quad	0
	.skip	4096
user_stack_top:
	.section .note.GNU-stack, "", @progbits
