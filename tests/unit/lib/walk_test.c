/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hv/debug/walk.c follows page tables, and nothing but page tables. */
#include "debug/walk.h"

#include <cmocka.h>

#include "cpu/x86.h"
#include "lib/string.h"
#include "mem/paging.h"
#include "ram.h"

#define VA 0x0000123456788abcUL

static int reset(void **state)
{
	(void)state;
	ram_reset();
	return 0;
}

static const char *text(uint64_t va)
{
	static char buf[160];
	struct walk w;

	walk_hva(&w, va);
	return walk_format(&w, buf, sizeof(buf));
}

/* Page 0 of RAM is the root; pages 1, 2, 3 the tables below. */
static void link_tables(int levels)
{
	for (int i = 0; i < levels; i++)
		ram_set(i, VA, 3 - i, ram_page(i + 1) | PTE_P);
}

static void a_small_page(void **state)
{
	(void)state;
	link_tables(3);
	ram_set(3, VA, 0, 0x5555000 | PTE_P | PTE_NX);
	assert_string_equal(text(VA), "pml4e 1001001 pdpte 1002001 pde 1003001 "
				      "pte 8000000005555001 -> 5555abc");
	assert_true(hva_mapped(VA));
	assert_false(hva_mapped(VA + PAGE_SIZE));
}

static void large_pages(void **state)
{
	(void)state;
	link_tables(2);
	ram_set(2, VA, 1, 0x40000000 | PTE_P | PTE_PS);
	assert_string_equal(text(VA), "pml4e 1001001 pdpte 1002001 pde 40000081 -> 40188abc");
	ram_set(1, VA, 2, 0x80000000 | BIT(12) /* PAT */ | PTE_P | PTE_PS);
	assert_string_equal(text(VA), "pml4e 1001001 pdpte 80001081 -> 96788abc");
	assert_true(hva_mapped(VA));
}

static void nothing_there(void **state)
{
	(void)state;
	assert_string_equal(text(VA), "pml4e 0 -> not mapped");
	link_tables(3);
	ram_set(3, VA, 0, 0x5555000); /* all but the present bit */
	assert_string_equal(text(VA),
			    "pml4e 1001001 pdpte 1002001 pde 1003001 pte 5555000 -> not mapped");
	assert_false(hva_mapped(VA));
}

static void a_table_outside_ram_is_not_read(void **state)
{
	static const uint64_t wild[] = { 0, RAM_BASE - PAGE_SIZE, RAM_BASE + sizeof(ram),
					 PTE_ADDR };
	struct walk w;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(wild); i++)
		for (int level = 3; level > 0; level--) {
			ram_reset();
			link_tables(3 - level);
			ram_set(3 - level, VA, level, wild[i] | PTE_P);
			walk_hva(&w, VA);
			assert_int_equal(w.count, 4 - level);
			assert_true(w.outside);
			assert_false(hva_mapped(VA));
			assert_non_null(strstr(text(VA), "-> table outside RAM"));
		}
}

static void a_table_that_points_to_itself_ends(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 512; i++)
		ram[0][i] = RAM_ROOT | PTE_P;
	assert_string_equal(text(VA), "pml4e 1000001 pdpte 1000001 pde 1000001 pte 1000001 "
				      "-> 1000abc");
}

/* A pml4 entry has no large page; the bit is reserved there. */
static void no_large_page_at_the_top(void **state)
{
	(void)state;
	ram_set(0, VA, 3, ram_page(1) | PTE_P | PTE_PS);
	assert_string_equal(text(VA), "pml4e 1001081 pdpte 0 -> not mapped");
}

static void other_tables_than_the_own_are_not_trusted(void **state)
{
	(void)state;
	link_tables(3);
	ram_set(3, VA, 0, 0x5555000 | PTE_P);
	host_memmove(ram[5], ram[0], PAGE_SIZE); /* it would map the same */
	fake_cr3 = ram_page(5);
	assert_false(hva_mapped(VA));
	fake_cr3 = RAM_ROOT | 0x18; /* PWT, PCD */
	assert_true(hva_mapped(VA));
}

static void non_canonical_addresses_are_not_mapped(void **state)
{
	(void)state;
	link_tables(3);
	ram_set(3, VA, 0, 0x5555000 | PTE_P);
	assert_true(hva_mapped(VA));
	assert_false(hva_mapped(VA | 1UL << 48)); /* the same table entries */
	assert_false(hva_mapped(VA | 0xffffUL << 48));
	assert_false(hva_mapped(VA | 1UL << 63));
}

static void registers_of_devices_are_not_memory(void **state)
{
	(void)state;
	link_tables(3);
	ram_set(3, VA, 0, 0xfee00000 | PTE_P | PTE_W | PTE_PCD);
	assert_non_null(strstr(text(VA), "-> fee00abc"));
	assert_false(hva_mapped(VA));
}

static void a_range_needs_every_page(void **state)
{
	uint64_t page = VA & PAGE_MASK;

	(void)state;
	link_tables(3);
	ram_set(3, VA, 0, 0x5555000 | PTE_P);
	assert_true(hva_range_mapped(page, PAGE_SIZE));
	assert_false(hva_range_mapped(page, PAGE_SIZE + 1));
	assert_false(hva_range_mapped(page - 1, 2));
	ram_set(3, VA + 2 * PAGE_SIZE, 0, 0x5555000 | PTE_P);
	assert_false(hva_range_mapped(page, 3 * PAGE_SIZE)); /* a hole in the middle */
	ram_set(3, VA + PAGE_SIZE, 0, 0x5555000 | PTE_P);
	assert_true(hva_range_mapped(page, 3 * PAGE_SIZE));
	assert_false(hva_range_mapped(VA, 0));
	assert_false(hva_range_mapped(UINT64_MAX - 7, 16)); /* wraps */
}

static void the_text_fits_any_buffer(void **state)
{
	char buf[160], whole[160];
	struct walk w;

	(void)state;
	link_tables(3);
	ram_set(3, VA, 0, 0x5555000 | PTE_P);
	walk_hva(&w, VA);
	walk_format(&w, whole, sizeof(whole));
	for (size_t size = 1; size < sizeof(buf); size++) {
		memset(buf, '#', sizeof(buf));
		walk_format(&w, buf, size);
		assert_int_equal(strlen(buf), MIN(size - 1, strlen(whole)));
		assert_int_equal(host_strncmp(buf, whole, strlen(buf)), 0);
	}
}

#define TEST(f) cmocka_unit_test_setup(f, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_small_page),
		TEST(large_pages),
		TEST(nothing_there),
		TEST(a_table_outside_ram_is_not_read),
		TEST(a_table_that_points_to_itself_ends),
		TEST(no_large_page_at_the_top),
		TEST(other_tables_than_the_own_are_not_trusted),
		TEST(non_canonical_addresses_are_not_mapped),
		TEST(registers_of_devices_are_not_memory),
		TEST(a_range_needs_every_page),
		TEST(the_text_fits_any_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
