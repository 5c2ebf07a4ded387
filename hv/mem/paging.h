/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypervisor's own page tables (4-level). Image by section with one right each, all RAM but
 * the image at DIRECT_BASE (NX), device registers at MMIO_BASE, stacks with guard pages at
 * STACK_BASE. Nothing below 1 TiB, nothing in the upper half (R2). Source: AMD APM 2 5.3, Intel
 * SDM 3A 4.5.
 */
#ifndef HV_MEM_PAGING_H
#define HV_MEM_PAGING_H

#include "lib/types.h"

#define PTE_P    BIT(0)
#define PTE_W    BIT(1)
#define PTE_U    BIT(2)
#define PTE_PWT  BIT(3)
#define PTE_PCD  BIT(4)
#define PTE_A    BIT(5)
#define PTE_D    BIT(6)
#define PTE_PS   BIT(7)
#define PTE_NX   BIT(63)
#define PTE_ADDR 0x000ffffffffff000UL

/* The hypervisor maps and uses RAM below that: as far as the tables in its image last. */
#define PAGING_RAM_MAX GIB(96)

/*
 * Builds the tables and switches to them. phys_init() came before; hpa_to_hva() works afterwards.
 */
void paging_init(void);

/* The root (hpa) of the hypervisor's tables. */
hpa_t paging_root(void);

/* The same, to be written: the window (twin/window.h) owns the entries of the upper half. */
uint64_t *paging_root_table(void);

/* Maps [hpa, hpa+len) at va with the given PTE flags (P is implied), 2 MiB pages where aligned. */
void paging_map(uint64_t va, hpa_t hpa, uint64_t len, uint64_t flags);

/*
 * Changes the flags of pages that are mapped; splits 2 MiB pages at the borders. Flushes the TLB.
 */
void paging_protect(uint64_t va, uint64_t len, uint64_t flags);

/* Removes small pages (made by paging_map or paging_protect) and flushes the TLB. */
void paging_unmap(uint64_t va, uint64_t len);

/* Device registers: uncached, never executable. Page-aligned hpa. Stays mapped for ever. */
void *mmio_map(hpa_t hpa, uint64_t len);

/*
 * Memory that the firmware wrote, RAM or not, to be read; stays mapped for ever. NULL: it is longer
 * than 16 MiB, behind the last address that the CPU has, at 0, or the hypervisor's image.
 */
const void *paging_view(hpa_t hpa, uint64_t len);

/* A new stack of size bytes between two unmapped pages. Returns its top. */
void *stack_alloc(uint64_t size);

/* Whether an address lies among the stacks made so far, the pages between them included. */
bool stack_has(uint64_t va);

/* The leaf entry that maps va, or 0; *level: 0 = 4 KiB, 1 = 2 MiB, 2 = 1 GiB. */
uint64_t paging_lookup(uint64_t va, int *level);

#endif
