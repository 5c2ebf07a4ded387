/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * int vtx_enter(uint64_t *gpr, bool launched)
 *
 * Enters the guest of the current VMCS and returns after its exit: 0, or, when the CPU refused and
 * nothing ran, 1 (there is no current VMCS) or 2 (the VMCS says why). RSP, RIP and RFLAGS travel in
 * the VMCS, the rest in gpr (enum gpr order). The CPU comes back at vtx_exit with the RSP that is
 * written here, as calls nest, interrupts off (Intel SDM 3C 28.5.3).
 */
#define VMCS_HOST_RSP	0x6c14

	.text
	.globl	vtx_enter, vtx_exit
vtx_enter:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	pushq	%rdi			/* 0(%rsp): gpr */
	movl	$VMCS_HOST_RSP, %eax
	vmwrite	%rsp, %rax
	testb	%sil, %sil		/* no MOV changes the flags */
	movq	0x00(%rdi), %rax
	movq	0x08(%rdi), %rcx
	movq	0x10(%rdi), %rdx
	movq	0x18(%rdi), %rbx
	movq	0x28(%rdi), %rbp
	movq	0x30(%rdi), %rsi
	movq	0x40(%rdi), %r8
	movq	0x48(%rdi), %r9
	movq	0x50(%rdi), %r10
	movq	0x58(%rdi), %r11
	movq	0x60(%rdi), %r12
	movq	0x68(%rdi), %r13
	movq	0x70(%rdi), %r14
	movq	0x78(%rdi), %r15
	movq	0x38(%rdi), %rdi
	jnz	1f
	vmlaunch
	jmp	2f
1:	vmresume
2:	setz	%al			/* refused: ZF when the VMCS has an error number */
	movzbl	%al, %eax
	incl	%eax
	addq	$8, %rsp
	jmp	3f

vtx_exit:
	pushq	%rax
	movq	8(%rsp), %rax
	popq	(%rax)
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
	addq	$8, %rsp
	xorl	%eax, %eax
3:	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret
	.section .note.GNU-stack, "", @progbits
