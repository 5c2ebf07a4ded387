/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handover_fn (handover_abi.h): copied below 4 GiB, where it must be to leave long mode. Source:
 * Intel SDM 3A 9.8.5.4; Multiboot2 specification 3.5 (the state at the entry).
 */
#include "boot/efi/handover_abi.h"

#define MB2_BOOT_MAGIC 0x36d76289
#define CODE32         8
#define DATA32         16

	.text
	.globl	handover_start, handover_end
	.code64
handover_start:
	cli
	cld
	/* PCID would keep paging on, CET the protection; PAE and LA57 stay until paging is off. */
	movq	%cr4, %rax
	andl	$0x1020, %eax
	movq	%rax, %cr4
	leaq	gdt(%rip), %rax
	movq	%rax, gdtr + 2(%rip)
	lgdt	gdtr(%rip)
	leaq	no_long_mode(%rip), %rax
	pushq	$CODE32
	pushq	%rax
	lretq

	.code32
no_long_mode:
	movl	$DATA32, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	movl	%eax, %ss
	movl	HANDOVER_STACK(%edi), %esp
	movl	$0x11, %eax		/* CR0: ET, PE */
	movl	%eax, %cr0
	movl	$0xc0000080, %ecx	/* EFER */
	xorl	%eax, %eax
	xorl	%edx, %edx
	wrmsr
	movl	%eax, %cr4

	movl	%edi, %ebx
	leal	HANDOVER_COPY(%edi), %edx
1:	decl	HANDOVER_COUNT(%ebx)
	js	2f
	movl	(%edx), %edi
	movl	4(%edx), %esi
	movl	8(%edx), %ecx
	rep movsb
	movl	12(%edx), %ecx
	xorl	%eax, %eax
	rep stosb
	addl	$16, %edx
	jmp	1b
2:	movl	HANDOVER_ENTRY(%ebx), %ecx
	movl	HANDOVER_INFO(%ebx), %ebx
	movl	$MB2_BOOT_MAGIC, %eax
	jmp	*%ecx

	.balign	8
gdt:	.quad	0
	.quad	0x00cf9b000000ffff	/* CODE32 */
	.quad	0x00cf93000000ffff	/* DATA32 */
gdtr:	.short	gdtr - gdt - 1
	.quad	0
handover_end:
	.section .note.GNU-stack, "", @progbits
