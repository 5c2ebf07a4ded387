/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entry from a PVH loader (QEMU -kernel, or the hypervisor) into long mode.
 *
 * On entry: 32-bit protected mode, flat segments, paging off, interrupts off, EBX = physical
 * address of the hvm_start_info (Xen docs/misc/pvh.pandoc). The boot page tables are constants:
 * they map the first GiB one to one, writable and executable, and live only until paging_init()
 * has built the real ones, in which no page is both.
 */

#define EFER_MSR 0xc0000080
#define EFER_LME 0x100
#define EFER_NXE 0x800
#define CR0_PE	 0x00000001
#define CR0_WP	 0x00010000
#define CR0_PG	 0x80000000
#define CR4_PAE	 0x20

#define XEN_ELFNOTE_PHYS32_ENTRY 18

#define PTE_TABLE 0x3		/* present, writable */
#define PTE_2MIB  0x83		/* present, writable, page size */

	.section .note.Xen, "a", @note
	.balign 4
	.long 4			/* name size */
	.long 8			/* descriptor size */
	.long XEN_ELFNOTE_PHYS32_ENTRY
	.asciz "Xen"
	.quad pvh_entry

	.section .text.entry, "ax"
	.code32
	.globl pvh_entry
pvh_entry:
	cld
	movl	$boot_pml4, %eax
	movl	%eax, %cr3
	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$EFER_MSR, %ecx
	rdmsr
	orl	$(EFER_LME | EFER_NXE), %eax
	wrmsr
	movl	$(CR0_PG | CR0_WP | CR0_PE), %eax
	movl	%eax, %cr0
	lgdt	boot_gdt_ptr
	ljmpl	$0x08, $entry64

	.code64
entry64:
	xorl	%eax, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%eax, %fs
	movl	%eax, %gs
	leaq	stack_top(%rip), %rsp
	xorl	%ebp, %ebp
	movl	%ebx, %edi	/* zero-extends: the argument is a physical address */
	call	stub_main
	/* stub_main() does not return; HLT with interrupts off means "this VM stops". */
1:	cli
	hlt
	jmp	1b

	.section .rodata.boot, "a"
	.balign 8
boot_gdt:
	.quad 0
	/* 64-bit code; the accessed bit is preset because the page becomes read-only. */
	.quad 0x00af9b000000ffff
boot_gdt_ptr:
	.word . - boot_gdt - 1
	.long boot_gdt

	.section .data.boot, "aw"
	.balign 4096
boot_pml4:
	.quad boot_pdpt + PTE_TABLE
	.fill 511, 8, 0
boot_pdpt:
	.quad boot_pd + PTE_TABLE
	.fill 511, 8, 0
boot_pd:
	.set page, 0
	.rept 512
	.quad page + PTE_2MIB
	.set page, page + 0x200000
	.endr

	.section .note.GNU-stack, "", @progbits
