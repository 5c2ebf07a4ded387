/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nested tables of both vendors: what they map, with which entries, and what running out leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/errno.h"
#include "mem/layout.h"
#include "mem/paging.h"
#include "mem/phys.h"
#include "virt/ept.h"
#include "virt/nested.h"
#include "virt/npt.h"
#include "vm/vm.h"

#define PAGES    32
#define EPT_RWX  7UL
#define TYPE(e)  ((e) >> 3 & 7) /* of an EPT entry */
#define RAM_TYPE 6
#define FAR      (GIB(3) + MIB(512))

static uint8_t pool[PAGES][PAGE_SIZE] __aligned(4096);
static unsigned int used, limit;
static struct vm vm;

hpa_t phys_alloc(uint64_t len, uint64_t align, unsigned int owner)
{
	assert_int_equal(len, PAGE_SIZE);
	assert_int_equal(align, PAGE_SIZE);
	assert_int_equal(owner, FRAME_HV);
	return used < limit ? hva_to_hpa(pool[used++]) : 0;
}

static int setup(void **state)
{
	(void)state;
	memset(pool, 0, sizeof(pool));
	used = 0;
	limit = PAGES;
	vm = (struct vm){ 0 };
	return 0;
}

/* The leaf that maps gpa, and its level. */
static uint64_t leaf_of(gpa_t gpa, int *level)
{
	uint64_t *table = vm.nested_root;

	for (int l = 3; l >= 0; l--) {
		uint64_t e = table[gpa >> (12 + 9 * l) & 511];

		if (l == 0 || !(e & 1) || (e & PTE_PS)) {
			*level = l;
			return e;
		}
		assert_int_equal(e & 0xfff, EPT_RWX);
		table = hpa_to_hva(e & PTE_ADDR);
	}
	return 0;
}

static void assert_maps(gpa_t gpa, hpa_t hpa, bool write)
{
	hpa_t found;
	bool may_write;

	assert_true(nested_lookup(&vm, gpa, &found, &may_write));
	assert_int_equal(found, hpa);
	assert_int_equal(may_write, write);
}

static void assert_hole(gpa_t gpa)
{
	hpa_t hpa;
	bool write;

	assert_false(nested_lookup(&vm, gpa, &hpa, &write));
}

static void test_large_pages_where_both_are_aligned(void **state)
{
	uint64_t leaf = ept_leaf(true, NESTED_RAM);
	int level;

	(void)state;
	assert_int_equal(nested_map(&vm, MIB(2), MIB(64), MIB(4) + PAGE_SIZE, leaf), 0);
	assert_int_equal(leaf_of(MIB(2), &level), MIB(64) | leaf | PTE_PS);
	assert_int_equal(level, 1);
	assert_int_equal(leaf_of(MIB(6), &level), MIB(68) | leaf);
	assert_int_equal(level, 0);
	assert_maps(MIB(4) + 5, MIB(66) + 5, true);
	assert_hole(MIB(2) - 1);
	assert_hole(MIB(6) + PAGE_SIZE);
	assert_int_equal(nested_map(&vm, MIB(8), MIB(64) + PAGE_SIZE, MIB(2), leaf), 0);
	leaf_of(MIB(8), &level);
	assert_int_equal(level, 0);
	assert_maps(MIB(10) - 1, MIB(66) + PAGE_SIZE - 1, true);
}

/* RAM write-back and executable, registers uncached and not; what may not be written is not. */
static void test_entries_of_ept(void **state)
{
	uint64_t ram = ept_leaf(true, NESTED_RAM), mmio = ept_leaf(true, NESTED_MMIO);

	(void)state;
	assert_int_equal(ram & 7, EPT_RWX);
	assert_int_equal(TYPE(ram), RAM_TYPE);
	assert_int_equal(mmio & 7, 3);
	assert_int_equal(TYPE(mmio), 0);
	assert_int_equal(ept_leaf(false, NESTED_RAM) & 7, 5); /* never write without read */
	assert_int_equal(ept_leaf(false, NESTED_MMIO) & 7, 1);
	assert_int_equal(ram & ~0x3fUL, 0);
	assert_int_equal(ept_pointer(0x1234000), 0x123401e); /* write-back, 4 levels, no A/D */
}

static void test_entries_of_npt(void **state)
{
	(void)state;
	assert_int_equal(npt_leaf(true, NESTED_RAM), PTE_P | PTE_W | PTE_U | PTE_A | PTE_D);
	assert_int_equal(npt_leaf(false, NESTED_RAM), PTE_P | PTE_U | PTE_A | PTE_D);
	assert_int_equal(npt_leaf(true, NESTED_MMIO),
			 PTE_P | PTE_W | PTE_U | PTE_A | PTE_D | PTE_PCD | PTE_PWT | PTE_NX);
}

/* One page out of a large one: the others stay, with the same type and rights. */
static void test_unmap_splits(void **state)
{
	uint64_t leaf = ept_leaf(false, NESTED_RAM);
	int level;

	(void)state;
	assert_int_equal(nested_map(&vm, FAR, MIB(64), MIB(2), leaf), 0);
	nested_unmap(&vm, FAR + 3 * PAGE_SIZE, PAGE_SIZE);
	assert_hole(FAR + 3 * PAGE_SIZE);
	for (uint64_t i = 0; i < 512; i++) {
		if (i == 3)
			continue;
		assert_maps(FAR + i * PAGE_SIZE, MIB(64) + i * PAGE_SIZE, false);
		assert_int_equal(leaf_of(FAR + i * PAGE_SIZE, &level),
				 (MIB(64) + i * PAGE_SIZE) | leaf);
		assert_int_equal(level, 0);
	}
}

static void test_addresses_beyond_48_bits_are_holes(void **state)
{
	(void)state;
	assert_int_equal(nested_map(&vm, 0, 0, MIB(2), ept_leaf(true, NESTED_RAM)), 0);
	assert_hole(BIT(48));
	assert_maps(0, 0, true);
}

static void test_out_of_memory(void **state)
{
	(void)state;
	for (limit = 0; limit < 4; limit++) {
		vm.nested_root = NULL;
		used = 0;
		memset(pool, 0, sizeof(pool));
		assert_int_equal(nested_map(&vm, 0, PAGE_SIZE, PAGE_SIZE, EPT_RWX), -ENOMEM);
	}
	assert_int_equal(nested_map(&vm, 0, PAGE_SIZE, PAGE_SIZE, EPT_RWX), 0);
	limit = used;
	assert_int_equal(nested_map(&vm, MIB(2), MIB(2), MIB(2), EPT_RWX), 0);
	assert_int_equal(nested_map(&vm, MIB(2), PAGE_SIZE, PAGE_SIZE, EPT_RWX), -ENOMEM);
	assert_maps(MIB(2), MIB(2), true); /* not split half */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_large_pages_where_both_are_aligned, setup),
		cmocka_unit_test_setup(test_entries_of_ept, setup),
		cmocka_unit_test_setup(test_entries_of_npt, setup),
		cmocka_unit_test_setup(test_unmap_splits, setup),
		cmocka_unit_test_setup(test_addresses_beyond_48_bits_are_holes, setup),
		cmocka_unit_test_setup(test_out_of_memory, setup),
	};

	return cmocka_run_group_tests_name("nested", tests, NULL, NULL);
}
