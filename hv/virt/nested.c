/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virt/nested.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "mem/layout.h"
#include "mem/paging.h"
#include "mem/phys.h"
#include "vm/vm.h"

#define NESTED_TABLE (PTE_P | PTE_W | PTE_U) /* SDM: read, write, execute */

static unsigned int index_at(gpa_t gpa, int level)
{
	return gpa >> (PAGE_SHIFT + 9 * level) & 511;
}

static uint64_t *table_new(void)
{
	hpa_t hpa = phys_alloc(PAGE_SIZE, PAGE_SIZE, FRAME_HV);

	return hpa ? hpa_to_hva(hpa) : NULL;
}

/* A 2 MiB entry becomes a table of 512 entries with the same rights. */
static int split(uint64_t *entry)
{
	uint64_t *table = table_new(), old = *entry;

	if (!table)
		return -ENOMEM;
	for (uint64_t i = 0; i < 512; i++)
		table[i] = (old & ~(uint64_t)PTE_PS) + (i << PAGE_SHIFT);
	*entry = hva_to_hpa(table) | NESTED_TABLE;
	return 0;
}

static uint64_t *entry_for(struct vm *vm, gpa_t gpa, int level)
{
	uint64_t *table;

	if (!vm->nested_root)
		vm->nested_root = table_new();
	table = vm->nested_root;
	for (int l = 3; table && l > level; l--) {
		uint64_t *e = &table[index_at(gpa, l)];

		if (!(*e & PTE_P)) {
			uint64_t *next = table_new();

			if (!next)
				return NULL;
			*e = hva_to_hpa(next) | NESTED_TABLE;
		} else if ((*e & PTE_PS) && split(e)) {
			return NULL;
		}
		table = hpa_to_hva(*e & PTE_ADDR);
	}
	return table ? &table[index_at(gpa, level)] : NULL;
}

int nested_map(struct vm *vm, gpa_t gpa, hpa_t hpa, uint64_t len, uint64_t leaf)
{
	for (gpa_t end = gpa + len; gpa < end;) {
		bool large = !((gpa | hpa) & (MIB(2) - 1)) && end - gpa >= MIB(2);
		uint64_t step = large ? MIB(2) : PAGE_SIZE;
		uint64_t *e = entry_for(vm, gpa, large);

		if (!e)
			return -ENOMEM;
		*e = hpa | leaf | (large ? PTE_PS : 0);
		gpa += step;
		hpa += step;
	}
	return 0;
}

void nested_unmap(struct vm *vm, gpa_t gpa, uint64_t len)
{
	for (gpa_t at = gpa; at < gpa + len; at += PAGE_SIZE) {
		uint64_t *e = entry_for(vm, at, 0);

		if (e)
			*e = 0;
	}
}

bool nested_lookup(const struct vm *vm, gpa_t gpa, hpa_t *hpa, bool *write)
{
	uint64_t *table = vm->nested_root;

	if (gpa >> 48)
		return false;
	for (int l = 3; table && l >= 0; l--) {
		uint64_t e = table[index_at(gpa, l)];

		if (!(e & PTE_P))
			return false;
		if (l == 0 || (e & PTE_PS)) {
			uint64_t mask = (1UL << (PAGE_SHIFT + 9 * l)) - 1;

			*hpa = (e & PTE_ADDR & ~mask) | (gpa & mask);
			*write = e & PTE_W;
			return true;
		}
		table = hpa_to_hva(e & PTE_ADDR);
	}
	return false;
}
