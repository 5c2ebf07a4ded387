/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the boot loader (GRUB, or ours for UEFI) hands over, copied out of the Multiboot2
 * information into bounded arrays before anything else uses it. Source: Multiboot2 specification
 * 3.6.
 */
#ifndef BOOT_MULTIBOOT2_H
#define BOOT_MULTIBOOT2_H

#include "boot/multiboot2_abi.h"
#include "lib/types.h"

#define BOOT_MODULES 40
#define BOOT_RANGES  256 /* firmware for UEFI has dozens, some machines above a hundred */
#define BOOT_LINE    1024
#define RSDP_MAX     36

enum boot_range_type { RANGE_RAM = MB2_RAM }; /* any other type is nobody's RAM */

struct boot_range {
	hpa_t start;
	uint64_t size;
	uint32_t type;
};

struct boot_module {
	hpa_t start;
	uint64_t size;
	char line[BOOT_LINE]; /* its command line, NUL-terminated */
};

/* A screen of RGB pixels; bytes as the loader told them, nothing is checked. */
struct boot_framebuffer {
	hpa_t addr;
	uint32_t pitch, width, height; /* bytes, pixels, pixels */
	uint8_t bpp;
	struct {
		uint8_t pos, size; /* bits of a pixel */
	} red, green, blue;
};

struct boot_info {
	char words[BOOT_LINE];
	struct boot_range range[BOOT_RANGES];
	unsigned int ranges;
	struct boot_module module[BOOT_MODULES];
	unsigned int modules;
	uint8_t rsdp[RSDP_MAX]; /* a copy of ACPI's root pointer, of the newer version if given */
	uint32_t rsdp_size;     /* 0: none given */
	struct boot_framebuffer screen; /* width 0: none */
};

/*
 * Reads the information at hpa `info` (identity-mapped at that time) into boot. Ends the boot
 * with a clear line when the magic is wrong, something is cut off, or there is more than fits.
 */
void multiboot2_read(struct boot_info *boot, uint32_t magic, uint32_t info);

#endif
