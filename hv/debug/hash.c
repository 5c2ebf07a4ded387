/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monitor command `hash`: fingerprints of what must never change while the hypervisor runs, so that
 * a campaign can say that nothing of it was written: text, constants, descriptor tables, and the
 * lower half of the page tables without the bits that the CPU sets itself. The upper half is the
 * window, which comes and goes, as the pages of engine stlb do. Tables differ between a placed twin
 * and none, and nothing else.
 */
#include "cpu/trap.h"
#include "cpu/x86.h"
#include "debug/monitor.h"
#include "lib/types.h"
#include "mem/layout.h"
#include "mem/paging.h"

#define FNV_START 0xcbf29ce484222325UL
#define FNV_PRIME 0x100000001b3UL

struct __packed table_register {
	uint16_t limit;
	uint64_t base;
};

static uint64_t add(uint64_t hash, uint64_t word)
{
	return (hash ^ word) * FNV_PRIME;
}

static uint64_t hash_words(uint64_t hash, const void *from, const void *to)
{
	for (const uint64_t *w = from; w < (const uint64_t *)to; w++)
		hash = add(hash, *w);
	return hash;
}

static uint64_t hash_descriptors(void)
{
	struct table_register idt, gdt;
	uint64_t hash;

	asm volatile("sidt %0" : "=m"(idt));
	asm volatile("sgdt %0" : "=m"(gdt));
	hash = hash_words(FNV_START, (void *)idt.base, (char *)idt.base + IDT_BYTES);
	return hash_words(hash, (void *)gdt.base, (char *)gdt.base + GDT_BYTES);
}

/* Each leaf with its address; a hole is one step, as large as the table that is missing. */
static uint64_t hash_mappings(void)
{
	uint64_t hash = FNV_START, va = 0;

	while (va < BIT(47)) {
		int level;
		uint64_t e = paging_lookup(va, &level), bytes = BIT(12 + 9 * level);

		if (va == STLB_BASE) { /* its root entry has nothing else */
			va += BIT(39);
			continue;
		}
		if (e)
			hash = add(add(hash, va), e & ~(uint64_t)(PTE_A | PTE_D));
		va = (va & ~(bytes - 1)) + bytes;
	}
	return hash;
}

static int monitor_hash(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	mon("text %016lx, constants %016lx, descriptors %016lx, mappings %016lx",
	    hash_words(FNV_START, __text_start, __text_end),
	    hash_words(FNV_START, __text_end, __rodata_end), hash_descriptors(), hash_mappings());
	return 0;
}
MONITOR("hash", "fingerprints of text, constants and tables; the same at any time", monitor_hash);
