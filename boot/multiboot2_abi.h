/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Multiboot2 information: what a boot loader hands over. Read by multiboot2.c, and also
 * written by our own loader for UEFI (efi/info.c). A head of 8 bytes (total size, reserved), then
 * tags, each at a multiple of 8. Source: Multiboot2 specification 3.6.
 */
#ifndef BOOT_MULTIBOOT2_ABI_H
#define BOOT_MULTIBOOT2_ABI_H

#include <stdint.h>

#define MB2_BOOT_MAGIC 0x36d76289 /* in EAX */
#define MB2_HEAD_SIZE  8

enum mb2_tag_type {
	MB2_TAG_END = 0,
	MB2_TAG_CMDLINE = 1,
	MB2_TAG_MODULE = 3,
	MB2_TAG_MMAP = 6,
	MB2_TAG_FRAMEBUFFER = 8,
	MB2_TAG_RSDP_1 = 14, /* of ACPI 1.0: 20 bytes */
	MB2_TAG_RSDP_2 = 15, /* of ACPI 2.0 and later: 36 bytes */
};

struct mb2_tag {
	uint32_t type, size; /* size: without what fills it up to a multiple of 8 */
};

struct mb2_module {
	struct mb2_tag tag;
	uint32_t start, end;
	char line[];
};

struct mb2_mmap {
	struct mb2_tag tag;
	uint32_t entry_size, entry_version;
};

enum mb2_range { MB2_RAM = 1, MB2_RESERVED = 2, MB2_ACPI = 3, MB2_NVS = 4, MB2_BAD = 5 };

struct mb2_mmap_entry {
	uint64_t addr, len;
	uint32_t type, reserved;
};

#define MB2_FRAMEBUFFER_RGB 1

struct mb2_framebuffer {
	struct mb2_tag tag;
	uint64_t addr;
	uint32_t pitch, width, height;
	uint8_t bpp, type;
	uint16_t reserved;
	uint8_t red_pos, red_size, green_pos, green_size, blue_pos, blue_size; /* RGB only */
	uint8_t fill[2];
};

_Static_assert(sizeof(struct mb2_mmap_entry) == 24, "a range of the memory map");
_Static_assert(sizeof(struct mb2_framebuffer) == 40, "the framebuffer's tag");

#endif
