/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of lookups and the slots of its region; see stlb.h. */
#include "twin/stlb.h"

#include "boot/layout_abi.h"
#include "cpu/x86.h"
#include "drivers/twin_abi.h"
#include "lib/string.h"
#include "mem/layout.h"
#include "mem/paging.h"
#include "mem/phys.h"
#include "twin/gate.h"
#include "twin/window.h"

#define SLOT_PAGES   2
#define SLOT_BYTES   (SLOT_PAGES * PAGE_SIZE)
#define REGION_BYTES (TWIN_STLB_ENTRIES * SLOT_BYTES)
#define LEAVES       (TWIN_STLB_ENTRIES * SLOT_PAGES)
#define LEAF_TABLES  (LEAVES / 512)
#define ROOT_INDEX   (STLB_BASE >> 39 & 511) /* of the region alone: layout_abi.h */
#define EMPTY        1                       /* no page: never the tag that a lookup asks for */
#define PTE_AD       (PTE_A | PTE_D)

_Static_assert(STLB_BASE % MIB(512) == 0 && REGION_BYTES <= MIB(512), "one table of each level");

struct stlb_stats stlb_stats;

static uint64_t *leaves; /* entry 2n and 2n + 1 are slot n's */
static uint64_t *uppers; /* two tables: what the root's entry leads to, and what that leads to */
static bool open;

static uint64_t slot_address(uint64_t n)
{
	return STLB_BASE + n * SLOT_BYTES;
}

static uint64_t slot_of(dva_t page)
{
	return page / PAGE_SIZE % TWIN_STLB_ENTRIES;
}

static void set_leaf(uint64_t n, unsigned int k, uint64_t entry)
{
	leaves[SLOT_PAGES * n + k] = entry;
	invlpg((void *)(slot_address(n) + k * PAGE_SIZE));
}

static void set_entry(uint64_t n, dva_t page)
{
	twin_cpu.stlb[n] = (struct twin_stlb_entry){ page, page ^ slot_address(n) };
}

void stlb_open(void)
{
	if (!leaves) {
		leaves = phys_alloc_hv(LEAF_TABLES * PAGE_SIZE);
		uppers = phys_alloc_hv(2 * PAGE_SIZE);
		memset(uppers, 0, 2 * PAGE_SIZE);
		uppers[STLB_BASE >> 30 & 511] = hva_to_hpa(uppers + 512) | PTE_P | PTE_W;
		for (uint64_t i = 0; i < LEAF_TABLES; i++)
			uppers[512 + (STLB_BASE >> 21 & 511) + i] =
				hva_to_hpa(leaves + 512 * i) | PTE_P | PTE_W;
	}
	open = true;
	stlb_flush();
	paging_root_table()[ROOT_INDEX] = hva_to_hpa(uppers) | PTE_P | PTE_W;
}

void stlb_close(void)
{
	if (!open)
		return;
	stlb_flush();
	open = false;
	paging_root_table()[ROOT_INDEX] = 0;
	write_cr3(paging_root());
}

bool stlb_is_open(void)
{
	return open;
}

void stlb_flush(void)
{
	if (!open)
		return;
	for (uint64_t n = 0; n < TWIN_STLB_ENTRIES; n++)
		twin_cpu.stlb[n] = (struct twin_stlb_entry){ EMPTY, 0 };
	memset(leaves, 0, LEAF_TABLES * PAGE_SIZE);
	stlb_stats.flushes++;
	write_cr3(paging_root());
}

/* Where it is the first page of a slot, and where it is the second one. */
void stlb_drop(dva_t page)
{
	uint64_t first = slot_of(page), second = slot_of(page - PAGE_SIZE);

	if (open && twin_cpu.stlb[first].page == page) {
		twin_cpu.stlb[first].page = EMPTY;
		set_leaf(first, 0, 0);
		set_leaf(first, 1, 0);
	}
	if (open && twin_cpu.stlb[second].page == page - PAGE_SIZE)
		set_leaf(second, 1, 0);
}

/*
 * The second page is mapped together with the first, as the paper does. That the driver VM has none
 * there is no fault yet: who touches it will see.
 */
static bool map_slot(dva_t page, const char **why)
{
	uint64_t n = slot_of(page), gone, first, second;
	const char *no_second;

	do { /* until asking for the one has not made the window forget the other */
		gone = window_stats.flushes + window_stats.evicted;
		first = window_page(page, false, why);
		second = first ? window_page(page + PAGE_SIZE, false, &no_second) : 0;
	} while (gone != window_stats.flushes + window_stats.evicted);
	if (!first)
		return false;
	stlb_stats.replaced += twin_cpu.stlb[n].page != EMPTY;
	set_leaf(n, 0, first);
	set_leaf(n, 1, second);
	set_entry(n, page);
	return true;
}

bool stlb_fill(dva_t va, const char **why)
{
	stlb_stats.misses++;
	*why = "no table of lookups is in use";
	if (open && map_slot(va & PAGE_MASK, why))
		return true;
	stlb_stats.refused++;
	return false;
}

bool stlb_has(uint64_t hva)
{
	return hva - STLB_BASE < REGION_BYTES;
}

bool stlb_fault(uint64_t hva, bool write, bool fetch, dva_t *va, const char **why)
{
	uint64_t offset = hva - STLB_BASE, n = offset / SLOT_BYTES,
		 k = offset / PAGE_SIZE % SLOT_PAGES;
	dva_t page = open && stlb_has(hva) ? twin_cpu.stlb[n].page : EMPTY;
	uint64_t entry;

	*va = hva;
	*why = "no page of the driver VM is mapped there";
	if (page == EMPTY || fetch)
		return false;
	*va = page + offset % SLOT_BYTES;
	entry = window_page(*va & PAGE_MASK, write, why);
	if (!entry)
		return false;
	*why = "fault on a page that is mapped as the driver VM has it";
	if (!((leaves[SLOT_PAGES * n + k] ^ entry) & ~(uint64_t)PTE_AD))
		return false;
	stlb_stats.faults++;
	set_leaf(n, k, entry);
	set_entry(n, page); /* window_page() may have flushed; then the other page faults next */
	return true;
}
