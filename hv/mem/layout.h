/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conversions between physical addresses and the hypervisor's pointers (boot/layout_abi.h). */
#ifndef HV_MEM_LAYOUT_H
#define HV_MEM_LAYOUT_H

#include "boot/layout_abi.h"
#include "lib/types.h"

extern char __text_start[], __text_end[], __rodata_end[], __image_end[];

/* RAM by physical address; valid after paging_init(), not for the image itself. */
static inline void *hpa_to_hva(hpa_t hpa)
{
	return (void *)(DIRECT_BASE + hpa);
}

/* For pointers into the direct map or into the image. */
static inline hpa_t hva_to_hpa(const void *hva)
{
	uint64_t addr = (uint64_t)hva;

	return addr >= DIRECT_BASE ? addr - DIRECT_BASE : addr - HV_BASE;
}

static inline hpa_t image_end_hpa(void)
{
	return (uint64_t)__image_end - HV_BASE;
}

#endif
