/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does AMD-V really work on this (virtual) machine? Runs one guest instruction, HLT, with VMRUN and
 * ends the machine through QEMU's isa-debug-exit: 0x10 = yes, 0x11 = no. Multiboot 1, so that
 * QEMU's -kernel takes it. Offsets: AMD64 APM 2, appendix B.
 */
#define MULTIBOOT_MAGIC	0x1badb002
#define EXIT_PORT	0xf4
#define MSR_EFER	0xc0000080
#define EFER_SVME	0x1000
#define MSR_VM_HSAVE_PA	0xc0010117
#define EXITCODE_HLT	0x78

	.text
	.balign	4
	.long	MULTIBOOT_MAGIC, 0, -MULTIBOOT_MAGIC

	.code32
	.globl	_start
_start:
	cli
	mov	$0x80000001, %eax
	cpuid
	bt	$2, %ecx			/* AMD-V */
	jnc	no
	mov	$0x8000000a, %eax
	cpuid
	bt	$0, %edx			/* nested paging */
	jnc	no

	mov	$MSR_EFER, %ecx
	rdmsr
	or	$EFER_SVME, %eax
	wrmsr
	mov	$MSR_VM_HSAVE_PA, %ecx
	mov	$host_area, %eax
	xor	%edx, %edx
	wrmsr

	mov	$vmcb, %ebx
	movl	$1 << 24, 0x00c(%ebx)		/* intercept HLT */
	movl	$1 << 0, 0x010(%ebx)		/* and VMRUN, which must be */
	movl	$1, 0x058(%ebx)			/* ASID */
	movl	$0x0c9b0008, 0x410(%ebx)	/* CS: 32-bit code, flat */
	movl	$0xffffffff, 0x414(%ebx)
	movl	$0x0c930010, 0x420(%ebx)	/* SS */
	movl	$0xffffffff, 0x424(%ebx)
	movl	$0x0c930010, 0x430(%ebx)	/* DS */
	movl	$0xffffffff, 0x434(%ebx)
	movl	$EFER_SVME, 0x4d0(%ebx)
	movl	$0x11, 0x558(%ebx)		/* CR0: PE, ET */
	movl	$0x400, 0x560(%ebx)		/* DR7 */
	movl	$0xffff0ff0, 0x568(%ebx)	/* DR6 */
	movl	$2, 0x570(%ebx)			/* RFLAGS */
	movl	$guest, 0x578(%ebx)		/* RIP */
	mov	%ebx, %eax
	vmrun	%eax
	cmpl	$EXITCODE_HLT, vmcb + 0x70
	jne	no
	mov	$0x10, %al
	jmp	end
no:
	mov	$0x11, %al
end:
	out	%al, $EXIT_PORT
1:	hlt
	jmp	1b

guest:
	hlt

	.bss
	.balign	4096
vmcb:
	.skip	4096
host_area:
	.skip	4096
