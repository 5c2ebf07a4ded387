/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt and exception entry: 256 stubs push a vector (and a zero where the CPU gives no error
 * code) and save the rest as struct trap_frame. Never touches GS or FS (R18).
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
	pushq	%rcx
	pushq	%rdx
	pushq	%rbx
	pushq	%rbp
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	cld
	movq	%rsp, %rdi
	call	trap_dispatch
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rbp
	popq	%rbx
	popq	%rdx
	popq	%rcx
	popq	%rax
	addq	$16, %rsp
	iretq

/*
 * void cpu_idle(void): halts until an interrupt came, which was handled; interrupts off before and
 * after. STI's shadow covers the HLT, so that none comes between the two. Only an NMI may
 * (nmi_handle()), and then others right behind it.
 */
	.globl	cpu_idle, cpu_idle_hlt
cpu_idle:
	sti
cpu_idle_hlt:
	hlt
	cli
	ret

/*
 * void stack_switch(void *top, void (*fn)(void)): continues in fn on another stack; never
 * returns.
 */
	.globl	stack_switch
stack_switch:
	movq	%rdi, %rsp
	xorl	%ebp, %ebp
	call	*%rsi
	ud2
	.section .note.GNU-stack, "", @progbits
