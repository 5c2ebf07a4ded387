/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page tables: one to one, nothing both writable and executable, page 0 and the page below
 * the stack unmapped. Only the image and device registers are mapped; other memory does not exist
 * for this program (all its buffers are in its .bss).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Build the tables for the image and load them. What lies outside the image is unreachable
 * afterwards.
 */
void paging_init(void);

/*
 * Map the pages of [phys, phys + size) as device memory (uncached, no-execute) at their own
 * address. Mapping a page again changes nothing. Panics when the tables' fixed pool is used up or
 * the address is not canonical. Returns the address as a pointer.
 */
volatile void *paging_map_device(uint64_t phys, size_t size);
