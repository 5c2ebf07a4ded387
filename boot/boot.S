/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the boot loader (Multiboot2, 32-bit protected mode, paging off) to hv_main() in long mode.
 *
 * Everything here is linked at its physical address and lives in page tables of its own: low 4 GiB
 * identity, and the same 4 GiB once more at 2 TiB where the hypervisor is linked. hv_main() soon
 * switches to tables without the low half (R2) and nothing in this file is reachable any more.
 * Source: Multiboot2 specification 3.1-3.3; Intel SDM 3A 9.8.5.
 */
#include "boot/layout_abi.h"

#define MB2_MAGIC      0xe85250d6
#define MB2_TAG_END    0
#define MB2_TAG_SCREEN 5
#define MB2_TAG_ALIGN  6
#define MB2_OPTIONAL   1

	.section .multiboot, "a"
	.balign	8
mb2_header:
	.long	MB2_MAGIC, 0, mb2_end - mb2_header, -(MB2_MAGIC + (mb2_end - mb2_header))
	.short	MB2_TAG_ALIGN, 0
	.long	8
	.short	MB2_TAG_SCREEN, MB2_OPTIONAL	/* a framebuffer of any size, 32 bits a pixel */
	.long	20, 0, 0, 32
	.balign	8
	.short	MB2_TAG_END, 0
	.long	8
mb2_end:

	.section .boot.text, "ax"
	.code32
	.globl	_start
_start:
	cli
	cld
	movl	%eax, %esi		/* magic */
	movl	%ebx, %edi		/* Multiboot2 information */
	movl	$boot_stack_top, %esp

	movl	$0x80000001, %eax	/* long mode? (APM 3, CPUID Fn8000_0001 EDX[29]) */
	cpuid
	btl	$29, %edx
	jnc	no_long_mode

	movl	$boot_pdpt + 3, boot_pml4
	movl	$boot_pdpt + 3, boot_pml4 + (HV_BASE >> 39) * 8
	xorl	%ecx, %ecx
1:	movl	%ecx, %eax
	shll	$12, %eax
	addl	$boot_pd + 3, %eax
	movl	%eax, boot_pdpt(, %ecx, 8)
	incl	%ecx
	cmpl	$4, %ecx
	jne	1b
	xorl	%ecx, %ecx
2:	movl	%ecx, %eax
	shll	$21, %eax
	orl	$0x83, %eax		/* present, writable, 2 MiB */
	movl	%eax, boot_pd(, %ecx, 8)
	incl	%ecx
	cmpl	$2048, %ecx
	jne	2b

	movl	$0x620, %eax		/* CR4: PAE, OSFXSR, OSXMMEXCPT */
	movl	%eax, %cr4
	movl	$boot_pml4, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx	/* EFER: LME, NXE */
	rdmsr
	orl	$0x900, %eax
	wrmsr
	movl	$0x80010033, %eax	/* CR0: PG, WP, NE, ET, MP, PE */
	movl	%eax, %cr0
	lgdt	boot_gdtr
	ljmp	$0x08, $boot64

no_long_mode:
	movl	$no_lm_text, %esi
	movw	$0x3f8, %dx
3:	lodsb
	testb	%al, %al
	jz	4f
	outb	%al, %dx
	jmp	3b
4:	movb	$0x11, %al
	outb	%al, $0xf4
	hlt
	jmp	4b

	.code64
boot64:
	movw	$0x10, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	xorl	%eax, %eax
	movw	%ax, %fs
	movw	%ax, %gs
	movabsq	$early_stack_top, %rsp
	xorl	%ebp, %ebp
	xchgl	%esi, %edi		/* hv_main(magic, information) */
	movabsq	$hv_main, %rax
	call	*%rax
5:	cli
	hlt
	jmp	5b

	.section .boot.rodata, "a"
no_lm_text:
	.asciz	"hv| [FAIL] this CPU has no 64-bit mode\r\n"
	.balign	8
boot_gdt:
	.quad	0
	.quad	0x00af9b000000ffff	/* 08 code, 64-bit */
	.quad	0x00cf93000000ffff	/* 10 data */
boot_gdtr:
	.short	boot_gdtr - boot_gdt - 1
	.quad	boot_gdt

	.section .boot.bss, "aw", @nobits
	.balign	4096
boot_pml4: .skip 4096
boot_pdpt: .skip 4096
boot_pd:   .skip 4 * 4096
	.skip	1024
boot_stack_top:

	.bss
	.balign	4096
	.skip	16384
early_stack_top:
	.section .note.GNU-stack, "", @progbits
