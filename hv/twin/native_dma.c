/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Natives of the DMA interface. The driver VM's guest-physical addresses are host-physical ones,
 * so mapping is the translation from struct page; what lies outside its RAM, or where the device
 * does not reach, is refused as the kernel would. A page that stands for a guest's memory has that
 * address (loan.h).
 */
#include "kernel_abi.h"
#include "twin/loan.h"
#include "twin/native.h"

#define DMA_MAPPING_ERROR (~0UL)

static uint64_t native_dma_map_page_attrs(dva_t dev, dva_t page, uint64_t offset, uint64_t bytes,
					  uint32_t dir, uint64_t attrs)
{
	uint64_t gpa = (page - twin_att.vmemmap_base) / K_SIZEOF_PAGE * PAGE_SIZE + offset;

	(void)dev;
	(void)dir;
	(void)attrs;
	if (loan_map(page, offset, bytes, &gpa))
		return gpa;
	if (gpa >= twin_att.dma_bytes || bytes > twin_att.dma_bytes - gpa)
		return DMA_MAPPING_ERROR;
	return gpa;
}
NATIVE("dma_map_page_attrs", native_dma_map_page_attrs);

static void native_dma_nothing(void)
{
}
NATIVE("dma_unmap_page_attrs", native_dma_nothing);
static void native_dma_sync(void)
{
}
NATIVE("dma_sync_single_for_cpu", native_dma_sync);

/* The driver asks before it maps: whatever is not in the direct map must not reach the device. */
static bool native_is_vmalloc_addr(dva_t addr)
{
	return addr - twin_att.page_offset_base >= twin_att.dvm_bytes;
}
NATIVE("is_vmalloc_addr", native_is_vmalloc_addr);
