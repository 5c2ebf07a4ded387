/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What GRUB hands over, copied out of the Multiboot2 information into bounded arrays before
 * anything else uses it. Source: Multiboot2 specification 3.6.
 */
#ifndef BOOT_MULTIBOOT2_H
#define BOOT_MULTIBOOT2_H

#include "lib/types.h"

#define MB2_BOOT_MAGIC 0x36d76289
#define BOOT_MODULES   40
#define BOOT_RANGES    64
#define BOOT_LINE      1024

enum boot_range_type { RANGE_RAM = 1, RANGE_RESERVED = 2 };

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

struct boot_info {
	char words[BOOT_LINE];
	struct boot_range range[BOOT_RANGES];
	unsigned int ranges;
	struct boot_module module[BOOT_MODULES];
	unsigned int modules;
};

/*
 * Reads the information at hpa `info` (identity-mapped at that time) into boot. Ends the boot
 * with a clear line when the magic is wrong, something is cut off, or there is more than fits.
 */
void multiboot2_read(struct boot_info *boot, uint32_t magic, uint32_t info);

#endif
