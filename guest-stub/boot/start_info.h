/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a PVH loader hands over (Xen public/arch-x86/hvm/start_info.h, version 1): layout only.
 * The structure and the strings it points to are somewhere in memory that the loader chose; they
 * are copied before the final page tables are loaded, and never touched afterwards.
 */
#pragma once

#include <stdint.h>

#define START_INFO_MAGIC 0x336ec578u

struct start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t nr_modules;
	uint64_t modlist_paddr;
	uint64_t cmdline_paddr; /* NUL-terminated, 0 if none */
	uint64_t rsdp_paddr;
	uint64_t memmap_paddr;
	uint32_t memmap_entries;
	uint32_t reserved;
};

_Static_assert(sizeof(struct start_info) == 56, "PVH start info, version 1");
