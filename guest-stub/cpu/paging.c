/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Four-level paging, SDM vol. 3A 4.5. Entries are only ever added, so no TLB invalidation is
 * needed.
 */
#include "cpu/paging.h"
#include "cpu/power.h"

#define PTE_PRESENT  (1ull << 0)
#define PTE_WRITE    (1ull << 1)
#define PTE_UNCACHED (1ull << 3 | 1ull << 4) /* PWT | PCD: PAT entry 3, UC after reset */
#define PTE_LARGE    (1ull << 7)
#define PTE_NX       (1ull << 63)
#define PTE_ADDR     0x000ffffffffff000ull

#define PAGE_4K 0x1000ull
#define PAGE_2M 0x200000ull

#define TABLES 24

extern char image_text_start[], image_text_end[], image_rodata_end[];
extern char image_data_start[], image_data_end[], stack_guard[];

static uint64_t tables[TABLES][512] __attribute__((aligned(4096)));
static unsigned int tables_used = 1; /* tables[0] is the root */

static uint64_t *table_below(uint64_t *entry)
{
	if (!(*entry & PTE_PRESENT)) {
		if (tables_used == TABLES)
			panic("paging: more than %d tables needed", TABLES);
		*entry = (uint64_t)tables[tables_used++] | PTE_PRESENT | PTE_WRITE;
	}
	return (uint64_t *)(*entry & PTE_ADDR);
}

/* The entry for addr in the table of the given level: 1 = 4 KiB pages, 2 = 2 MiB pages. */
static uint64_t *entry_of(uint64_t addr, unsigned int level)
{
	uint64_t *table = tables[0];

	for (unsigned int l = 4; l > level; l--)
		table = table_below(&table[addr >> (3 + 9 * l) & 511]);
	return &table[addr >> (3 + 9 * level) & 511];
}

static void map_4k(uint64_t start, uint64_t end, uint64_t flags)
{
	for (uint64_t a = start; a < end; a += PAGE_4K)
		*entry_of(a, 1) = a | flags | PTE_PRESENT;
}

/*
 * Large pages except for the last, partly used 2 MiB, where the stack and its guard page are: the
 * guard needs a 4 KiB hole.
 */
static void map_data(uint64_t start, uint64_t end)
{
	uint64_t guard = (uint64_t)stack_guard;
	uint64_t small = guard & ~(PAGE_2M - 1);

	for (uint64_t a = start; a < small; a += PAGE_2M)
		*entry_of(a, 2) = a | PTE_PRESENT | PTE_WRITE | PTE_LARGE | PTE_NX;
	map_4k(small, guard, PTE_WRITE | PTE_NX);
	map_4k(guard + PAGE_4K, end, PTE_WRITE | PTE_NX);
}

void paging_init(void)
{
	map_4k((uint64_t)image_text_start, (uint64_t)image_text_end, 0);
	map_4k((uint64_t)image_text_end, (uint64_t)image_rodata_end, PTE_NX);
	map_data((uint64_t)image_data_start, (uint64_t)image_data_end);
	__asm__ volatile("movq %0, %%cr3" : : "r"(tables[0]) : "memory");
}

volatile void *paging_map_device(uint64_t phys, size_t size)
{
	uint64_t end = phys + size;

	/* Below the image's end there is RAM, and large pages that must not be taken for tables. */
	if (end < phys || end > 1ull << 47 || phys < (uint64_t)image_data_end)
		panic("paging: no device can be at 0x%lx", phys);
	for (uint64_t a = phys & ~(PAGE_4K - 1); a < end; a += PAGE_4K)
		*entry_of(a, 1) = a | PTE_PRESENT | PTE_WRITE | PTE_UNCACHED | PTE_NX;
	return (volatile void *)phys;
}
