/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes the Multiboot2 information (boot/multiboot2_abi.h) that multiboot2_read() reads. The order
 * of calls: info_begin(), tags in any order, the memory map, info_end(). What does not fit into the
 * buffer is left out and makes info_end() fail.
 */
#ifndef BOOT_EFI_INFO_H
#define BOOT_EFI_INFO_H

#include "boot/multiboot2.h"

#define INFO_SIZE \
	KIB(64) /* more than multiboot2_read() takes: each line and range at its longest */

struct info {
	uint8_t *bytes; /* INFO_SIZE, the caller's */
	uint32_t size;  /* used */
	bool full;
	struct mb2_mmap *map; /* the map that grows, or NULL */
};

void info_begin(struct info *i, void *bytes);
void info_words(struct info *i, const char *words); /* the hypervisor's line */
void info_module(struct info *i, uint32_t start, uint32_t size, const char *words);
void info_rsdp(struct info *i, const void *rsdp, uint32_t version);
void info_screen(struct info *i, const struct mb2_framebuffer *screen);

/* One range of the map; one that follows the last and has its type becomes a part of it. */
void info_range(struct info *i, uint64_t start, uint64_t size, uint32_t type);

/* Forgets the ranges, which were the last to be written: the firmware's map has changed. */
void info_forget_map(struct info *i);

/* Whether all of it fitted. */
bool info_end(struct info *i);

#endif
