/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Link map. Boot code runs at its physical address; the hypervisor proper is linked HV_BASE above
 * it. Each segment has one right (W^X); paging.c maps by the same symbols.
 */
#include "boot/layout_abi.h"

ENTRY(_start)

PHDRS
{
	boot_text PT_LOAD FLAGS(5);
	boot_data PT_LOAD FLAGS(6);
	text PT_LOAD FLAGS(5);
	rodata PT_LOAD FLAGS(4);
	data PT_LOAD FLAGS(6);
}

SECTIONS
{
	. = HV_PHYS_START;
	.boot : { KEEP(*(.multiboot)) *(.boot.text) *(.boot.rodata) } :boot_text
	. = ALIGN(4096);
	.boot.bss (NOLOAD) : { *(.boot.bss) } :boot_data
	. = ALIGN(4096) + HV_BASE;

	__text_start = .;
	.text : AT(ADDR(.text) - HV_BASE) { *(.text .text.*) } :text
	. = ALIGN(4096);
	__text_end = .;
	.rodata : AT(ADDR(.rodata) - HV_BASE) {
		*(.rodata .rodata.*)
		. = ALIGN(8);
		__monitor_start = .; KEEP(*(.monitor)) __monitor_end = .;
		__stats_start = .; KEEP(*(.stats)) __stats_end = .;
		__native_start = .; KEEP(*(.native)) __native_end = .;
		__fixup_start = .; KEEP(*(.fixup)) __fixup_end = .;
	} :rodata
	. = ALIGN(4096);
	__rodata_end = .;
	.data : AT(ADDR(.data) - HV_BASE) { *(.data .data.* .got .got.*) } :data
	.bss : AT(ADDR(.bss) - HV_BASE) { *(.bss .bss.* COMMON) } :data
	. = ALIGN(4096);
	__image_end = .;

	/DISCARD/ : { *(.note*) *(.comment) *(.eh_frame*) *(.interp) *(.dyn*) *(.gnu*) *(.hash) }
}
