/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gates between hypervisor and twin. All of it is trusted code that derived code reaches by
 * direct calls only: entry and exit, the abort path, the indirect-call thunks (R5) and the upcall
 * stubs.
 */
#include "hv/twin/gate_abi.h"

	.text

/*
 * void twin_enter(uint64_t arg, void *stack_top, void (*body)(uint64_t)) Runs body(arg) on the
 * twin's stack with interrupts on. If the invocation is aborted, returns with twin_aborted set,
 * which the caller clears. Interrupts are off on return. It runs once for every few packets, so
 * it does no more than it must: a body that returns has kept the saved registers, as any C
 * function does, and only an abort has to read them back.
 */
	.globl	twin_enter
twin_enter:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, twin_saved_rsp(%rip)
	movq	%rsi, %rsp
	sti
	call	*%rdx
	cli
	movq	twin_saved_rsp(%rip), %rsp
	addq	$48, %rsp
	ret

/*
 * uint64_t twin_call(uint64_t fn, uint64_t a, uint64_t b) Calls derived code from inside an
 * invocation, and marks where its frames begin: at the return address to here. The judge has seen
 * that derived code gives back its stack pointer and the saved registers; a fault of the machine,
 * or of the code after the verdict, may undo that, and all of the hypervisor is behind this call.
 * So neither is believed.
 */
	.globl	twin_call
twin_call:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	subq	$8, %rsp		/* the call below finds an aligned stack */
	leaq	-8(%rsp), %rax
	movq	%rax, twin_frames_end(%rip)
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	call	*%rax
	cld
	leaq	-8(%rsp), %rcx
	cmpq	%rcx, twin_frames_end(%rip)
	jne	twin_stack_refused
	addq	$8, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret

twin_stack_refused:
	movq	%rsp, %rdi		/* for the report */
	movq	twin_frames_end(%rip), %rsp
	addq	$8, %rsp
	call	twin_refuse_stack
	jmp	twin_abort

/* The trap handler and refused natives continue here, with whatever registers and stack. */
	.globl	twin_abort
twin_abort:
	cli
	cld
	movl	$1, twin_aborted(%rip)
	movq	twin_saved_rsp(%rip), %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret

/*
 * Indirect calls: %reg holds an address of the driver VM. It is turned into an index into a table
 * of derived functions; no branch depends on the address, so no speculation leads past the check.
 * Out of range, unaligned or empty: index 0 or what index 0 holds, which is twin_indirect_refused.
 * The table lies in this CPU's segment, behind the block that is the twin's own. rax, r10, r11 are
 * free at a call (no target takes a variable number of arguments); rax keeps the address for the
 * report.
 *
 * How deep indirect calls nest cannot be judged beforehand, so each looks at the stack: natives and
 * upcalls trust that there is room (gate.h). That branch depends on nothing but rsp.
 *
 * The thunk's own jump goes where the branch predictor says before it goes where the table says,
 * and other code may have trained the predictor. A retpoline takes the prediction of a return,
 * which is the endless loop behind the call.
 */
	.macro JUMP_DIRECT
	jmp	*%gs:TWIN_GATE_TABLE(, %r11, 8)
	.endm

	.macro JUMP_RETPOLINE
	movq	%gs:TWIN_GATE_TABLE(, %r11, 8), %r11
	call	2f
1:	pause
	lfence
	jmp	1b
2:	movq	%r11, (%rsp)
	ret
	.endm

	.macro THUNK reg, suffix, jump
	.balign	TWIN_THUNK_BYTES
twin_thunk_\reg\suffix:
	cmpq	%gs:TWIN_GATE_FLOOR, %rsp
	jb	twin_depth_refused
	.ifnc	\reg, rax
	movq	%\reg, %rax
	.endif
	movq	%rax, %r11
	subq	%gs:TWIN_GATE_BASE, %r11
	rorq	$4, %r11
	cmpq	%gs:TWIN_GATE_COUNT, %r11
	sbbq	%r10, %r10
	andq	%r10, %r11
	\jump
	.endm

	/* In the order of their numbers; nothing can call through rsp, which only has its place. */
	.macro THUNKS suffix, jump
	.balign	TWIN_THUNK_BYTES
	.globl	twin_thunks\suffix
twin_thunks\suffix:
	.irp	reg, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
	THUNK	\reg, \suffix, \jump
	.endr
	.endm

	THUNKS	, JUMP_DIRECT
	THUNKS	_retpoline, JUMP_RETPOLINE

	.balign	16
	.globl	twin_indirect_refused
twin_indirect_refused:
	movq	(%rsp), %rdi		/* the caller's return address, and where it */
	movq	%rax, %rsi		/* called to: for the report */
	call	twin_refuse_indirect
	jmp	twin_abort

	.balign	16
twin_depth_refused:
	movq	(%rsp), %rdi
	call	twin_refuse_depth
	jmp	twin_abort

/*
 * Slow path of a lookup through %reg (engine stlb, drivers/twin_abi.h). Derived code counts on all
 * its registers and flags; no register is free, so each is saved. Interrupts are off, as in the
 * handler of page faults, which is the window's slow path.
 */
	.macro MISS reg
	.balign	TWIN_MISS_BYTES
	pushq	%rdi
	.ifnc	\reg, rdi
	movq	%\reg, %rdi
	.endif
	jmp	miss_common
	.endm

	.balign	TWIN_MISS_BYTES
	.globl	twin_misses
twin_misses:
	.irp	reg, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
	MISS	\reg
	.endr

miss_common:
	pushfq
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%rbp
	movq	%rsp, %rbp
	movq	88(%rbp), %rsi		/* the lookup's return address */
	andq	$-16, %rsp
	cli
	call	twin_miss
	movq	%rbp, %rsp
	popq	%rbp
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rax
	popfq
	popq	%rdi
	ret

/*
 * Upcall stub n: the n-th import. Saves the six register arguments, hands C the stack arguments'
 * place.
 */
	.altmacro
	.macro UPCALL n
	.balign	16
	movl	$\n, %eax
	jmp	upcall_common
	.endm

	.balign	16
	.globl	twin_upcall_stubs
twin_upcall_stubs:
	.set	i, 0
	.rept	256
	UPCALL	%i
	.set	i, i + 1
	.endr

upcall_common:
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%r9
	pushq	%r8
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	movl	%eax, %edi
	movq	%rsp, %rsi		/* six register arguments */
	leaq	16(%rbp), %rdx		/* stack arguments */
	andq	$-16, %rsp
	call	twin_upcall
	leave
	ret

	.bss
	.balign	8
	.globl	twin_saved_rsp, twin_frames_end, twin_aborted
twin_saved_rsp:	.skip	8
twin_frames_end: .skip	8
twin_aborted:	.skip	8
	.section .note.GNU-stack, "", @progbits
