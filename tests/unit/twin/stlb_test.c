/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of lookups on a small driver VM: what a miss fills, what it refuses, when it goes. */
#include "twin/stlb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "boot/layout_abi.h"
#include "mem/paging.h"
#include "small_dvm.h"
#include "twin/gate.h"
#include "twin/window.h"

#define SLOT 0x2000
/* Another page that has the entry of VADDR's: 4,096 pages further on. */
#define RIVAL (VADDR + TWIN_STLB_ENTRIES * PAGE_SIZE)

static int open_both(void **state)
{
	int rc = begin(state);

	stlb_open();
	return rc;
}

static int close_both(void **state)
{
	stlb_close();
	return end(state);
}

/* What a lookup of va finds, or 0: as derived code does it. */
static uint64_t look_up(dva_t va)
{
	const uint8_t *table = (const uint8_t *)twin_cpu.stlb;
	uint64_t page = va & PAGE_MASK, at = va >> TWIN_STLB_INDEX_SHIFT & TWIN_STLB_INDEX_MASK,
		 word[2];

	memcpy(word, table + at, sizeof(word));
	return word[0] == page ? va ^ word[1] : 0;
}

static uint64_t mapped(uint64_t hva)
{
	return hv_entry(hva & PAGE_MASK) & (PTE_ADDR | PTE_P | PTE_W | PTE_NX | PTE_U);
}

static uint64_t of_ram(gpa_t gpa)
{
	return (uint64_t)(ram + gpa) | PTE_P | PTE_NX;
}

static void test_a_miss_maps_the_page_and_the_next_one(void **state)
{
	const char *why;
	uint64_t hva;

	(void)state;
	*entry(PT, VADDR + PAGE_SIZE, 0) = PAGE_B | PTE_P;
	assert_int_equal(look_up(VADDR + 0xffc), 0);
	assert_true(stlb_fill(VADDR + 0xffc, &why));
	hva = look_up(VADDR + 0xffc);
	assert_true(stlb_has(hva) && hva % PAGE_SIZE == 0xffc);
	assert_int_equal(mapped(hva), of_ram(PAGE_A) | PTE_W);
	assert_int_equal(mapped(hva + 4), of_ram(PAGE_B)); /* where the access goes on */
	assert_int_equal(mapped(hva + PAGE_SIZE + 4), 0);
	assert_int_equal(look_up(VADDR + 8), hva - 0xff4);
	assert_int_equal(look_up(VADDR + PAGE_SIZE), 0); /* it has a lookup of its own */
}

static void test_pages_of_the_direct_map_are_small_ones(void **state)
{
	const char *why;

	(void)state;
	*entry(PGD, DIRECT, 3) = PUD | PTE_P | PTE_W;
	*entry(PUD, DIRECT, 2) = PMD | PTE_P | PTE_W;
	*entry(PMD, DIRECT, 1) = 0 | PTE_P | PTE_W | PTE_PS;
	assert_true(stlb_fill(DIRECT + PAGE_B + 16, &why));
	assert_int_equal(mapped(look_up(DIRECT + PAGE_B + 16)), of_ram(PAGE_B) | PTE_W);
	assert_int_equal(mapped(look_up(DIRECT + PAGE_B) + PAGE_SIZE),
			 of_ram(PAGE_B + PAGE_SIZE) | PTE_W);
	assert_int_equal(window_tracked(0), 0); /* never compared: it does not change */
}

static void test_the_last_page_of_all_has_no_next_one(void **state)
{
	const char *why;

	(void)state;
	map(0xfffffffffffff000UL, PAGE_A | PTE_P);
	assert_true(stlb_fill(0xfffffffffffffff8UL, &why));
	assert_int_equal(mapped(look_up(0xfffffffffffffff8UL)), of_ram(PAGE_A));
	assert_int_equal(mapped(look_up(0xfffffffffffffff8UL) + PAGE_SIZE), 0);
}

static void test_refused_addresses_fill_nothing(void **state)
{
	static const struct {
		dva_t va;
		const char *why;
	} bad[] = {
		{ 0x200000, "address in the lower half" },
		{ VADDR & ~(1UL << 63), "address in the lower half" },
		{ VADDR & ~(1UL << 62), "non-canonical address" },
		{ VADDR & ~(1UL << 47), "non-canonical address" },
		{ 0, "address in the lower half" },
		{ STLB_BASE, "address in the lower half" },
		{ VADDR + PAGE_SIZE, "not mapped in the driver VM" },
		{ 0xffffdead00000000UL, "not mapped in the driver VM" },
	};
	const char *why;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t refused = stlb_stats.refused;

		assert_false(stlb_fill(bad[i].va, &why));
		assert_string_equal(why, bad[i].why);
		assert_int_equal(look_up(bad[i].va), 0);
		assert_int_equal(stlb_stats.refused, refused + 1);
	}
	for (unsigned int i = 0; i < TWIN_STLB_ENTRIES; i++) {
		assert_int_equal(twin_cpu.stlb[i].page, 1);
		assert_int_equal(hv_entry(STLB_BASE + i * SLOT) |
					 hv_entry(STLB_BASE + i * SLOT + PAGE_SIZE),
				 0);
	}
}

static void test_only_frames_of_the_dvm_and_its_card(void **state)
{
	const char *why;

	(void)state;
	*entry(PT, VADDR, 0) = 0xfee00000UL | PTE_P | PTE_W;
	assert_false(stlb_fill(VADDR, &why));
	assert_string_equal(why, "no memory of the driver VM's there");
	*entry(PT, VADDR, 0) = BAR | PTE_P | PTE_W;
	*entry(PT, VADDR + PAGE_SIZE, 0) =
		(BAR + PAGE_SIZE) | PTE_P | PTE_W; /* others' registers */
	assert_true(stlb_fill(VADDR, &why));
	assert_int_equal(hv_entry(look_up(VADDR)) & (PTE_PCD | PTE_PWT), PTE_PCD | PTE_PWT);
	assert_int_equal(hv_entry(look_up(VADDR) + PAGE_SIZE), 0);
}

/* As the fault of an access that crosses does. */
static void test_a_second_page_that_comes_later_is_filled_by_a_fault(void **state)
{
	const char *why;
	uint64_t hva;
	dva_t va;

	(void)state;
	assert_true(stlb_fill(VADDR, &why));
	hva = look_up(VADDR);
	assert_false(stlb_fault(hva + PAGE_SIZE, false, false, &va, &why));
	assert_int_equal(va, VADDR + PAGE_SIZE);
	assert_string_equal(why, "not mapped in the driver VM");
	*entry(PT, VADDR + PAGE_SIZE, 0) = PAGE_B | PTE_P;
	assert_true(stlb_fault(hva + PAGE_SIZE, false, false, &va, &why));
	assert_int_equal(mapped(hva + PAGE_SIZE), of_ram(PAGE_B));
	assert_false(stlb_fault(hva + PAGE_SIZE, true, false, &va, &why));
	assert_string_equal(why, "read-only in the driver VM");
	*entry(PT, VADDR + PAGE_SIZE, 0) |= PTE_W;
	assert_true(stlb_fault(hva + PAGE_SIZE, true, false, &va, &why));
	assert_int_equal(mapped(hva + PAGE_SIZE), of_ram(PAGE_B) | PTE_W);
}

static void test_a_fault_that_no_fill_helps_is_refused(void **state)
{
	const char *why;
	uint64_t hva;
	dva_t va;

	(void)state;
	assert_false(stlb_fault(STLB_BASE + 0x123, false, false, &va, &why)); /* an empty slot */
	assert_int_equal(va, STLB_BASE + 0x123);
	assert_true(stlb_fill(VADDR, &why));
	hva = look_up(VADDR + 0x10);
	assert_false(stlb_fault(hva, false, false, &va, &why));
	assert_string_equal(why, "fault on a page that is mapped as the driver VM has it");
	assert_int_equal(va, VADDR + 0x10);
	assert_false(stlb_fault(hva, false, true, &va, &why)); /* never code */
	assert_false(stlb_has(STLB_BASE - 1) || stlb_has(STLB_BASE + TWIN_STLB_ENTRIES * SLOT));
	assert_true(stlb_has(STLB_BASE) && stlb_has(STLB_BASE + TWIN_STLB_ENTRIES * SLOT - 1));
}

static void test_pages_of_one_entry_take_turns(void **state)
{
	const char *why;
	uint64_t replaced = stlb_stats.replaced;

	(void)state;
	*entry(PMD, RIVAL, 1) = (PT + PAGE_SIZE) | PTE_P | PTE_W;
	*entry(PT + PAGE_SIZE, RIVAL, 0) = PAGE_B | PTE_P;
	*entry(PT, VADDR + PAGE_SIZE, 0) = PAGE_B | PTE_P;
	for (unsigned int i = 0; i < 3; i++) {
		assert_true(stlb_fill(VADDR, &why));
		assert_int_equal(mapped(look_up(VADDR)), of_ram(PAGE_A) | PTE_W);
		assert_int_equal(look_up(RIVAL), 0);
		assert_true(stlb_fill(RIVAL, &why));
		assert_int_equal(mapped(look_up(RIVAL)), of_ram(PAGE_B));
		assert_int_equal(mapped(look_up(RIVAL) + PAGE_SIZE),
				 0); /* not the other's next one */
		assert_int_equal(look_up(VADDR), 0);
	}
	assert_int_equal(stlb_stats.replaced, replaced + 5);
	for (unsigned int i = 0; window_tracked(i); i++) /* each once, however often it missed */
		for (unsigned int k = 0; k < i; k++)
			assert_int_not_equal(window_tracked(i), window_tracked(k));
}

static void test_r4_a_changed_leaf_leaves_both_places(void **state)
{
	const char *why;
	uint64_t hva;

	(void)state;
	map(VADDR - PAGE_SIZE, PAGE_B | PTE_P);
	assert_true(stlb_fill(VADDR - PAGE_SIZE, &why)); /* VADDR is its second page */
	assert_true(stlb_fill(VADDR, &why));
	hva = look_up(VADDR - PAGE_SIZE);
	assert_int_equal(mapped(hva + PAGE_SIZE), of_ram(PAGE_A) | PTE_W);
	window_revalidate();
	assert_int_not_equal(look_up(VADDR), 0);
	*entry(PT, VADDR, 0) = PAGE_B | PTE_P | PTE_W;
	window_revalidate();
	assert_int_equal(look_up(VADDR), 0);
	assert_int_equal(look_up(VADDR - PAGE_SIZE), hva);
	assert_int_equal(mapped(hva), of_ram(PAGE_B));
	assert_int_equal(mapped(hva + PAGE_SIZE), 0);
}

static void test_r4_a_changed_upper_level_empties_it(void **state)
{
	const char *why;

	(void)state;
	assert_true(stlb_fill(VADDR, &why));
	memcpy(ram + PT + PAGE_SIZE, ram + PT, PAGE_SIZE);
	*entry(PMD, VADDR, 1) = (PT + PAGE_SIZE) | PTE_P | PTE_W;
	window_revalidate();
	assert_int_equal(look_up(VADDR), 0);
	assert_true(stlb_fill(VADDR, &why));
}

/* Each page has a table of its own above it: the list of those is full soon, and all is dropped. */
static void test_a_flush_amid_a_miss_leaves_what_was_asked_for(void **state)
{
	const char *why;

	(void)state;
	for (unsigned int i = 0; i < 200; i++) {
		dva_t va = VADDR + i * MIB(2);
		gpa_t table = 0x100000 + i * PAGE_SIZE;

		*entry(PMD, va, 1) = table | PTE_P | PTE_W;
		*entry(table, va, 0) = PAGE_A | PTE_P;
		*entry(table, va + PAGE_SIZE, 0) = PAGE_B | PTE_P;
		assert_true(stlb_fill(va, &why));
		assert_int_equal(mapped(look_up(va)), of_ram(PAGE_A));
		assert_int_equal(mapped(look_up(va) + PAGE_SIZE), of_ram(PAGE_B));
		*entry(table, va + PAGE_SIZE, 0) = 0;
		window_revalidate(); /* each page that is mapped is compared */
		assert_int_equal(mapped(look_up(va) + PAGE_SIZE), 0);
	}
}

#define REGION_PAGES 700

/* Page k of two stretches, of which each page of the one has the entry of one of the other. */
static dva_t rival_page(unsigned int k)
{
	return (k % 2 ? RIVAL : VADDR) + k / 2 * PAGE_SIZE;
}

/* One table for each 2 MiB that the stretches touch. */
static uint64_t *rival_leaf(unsigned int k)
{
	dva_t va = rival_page(k);
	gpa_t table = 0x100000 + (va >> 21 & 511) * PAGE_SIZE;

	*entry(PMD, va, 1) = table | PTE_P | PTE_W;
	return entry(table, va, 0);
}

/*
 * More pages than are compared at a time, in any order, and pages that take turns: no page is
 * mapped that is not compared.
 */
static void test_every_mapped_page_is_compared(void **state)
{
	const char *why;
	uint32_t random = 1;

	(void)state;
	for (unsigned int k = 0; k < REGION_PAGES; k++)
		*rival_leaf(k) = PAGE_A | PTE_P;
	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int n = 0; n < 1500; n++) {
			random = random * 1103515245 + 12345;
			assert_true(stlb_fill(rival_page(random / 65536 % REGION_PAGES), &why));
		}
		for (unsigned int k = 0; k < REGION_PAGES; k++)
			*rival_leaf(k) = PAGE_B | PTE_P;
		window_revalidate();
		for (unsigned int i = 0; i < 2 * TWIN_STLB_ENTRIES; i++)
			assert_int_equal(hv_entry(STLB_BASE + i * PAGE_SIZE), 0);
		for (unsigned int k = 0; k < REGION_PAGES; k++)
			*rival_leaf(k) = PAGE_A | PTE_P;
	}
}

static void test_closed_it_has_nothing(void **state)
{
	const char *why;
	uint64_t hva;

	(void)state;
	assert_true(stlb_fill(VADDR, &why));
	hva = look_up(VADDR);
	stlb_close();
	assert_int_equal(hv_entry(hva), 0);
	assert_false(stlb_fill(VADDR, &why));
	stlb_open();
	assert_int_equal(look_up(VADDR), 0);
	window_close(); /* as when the twin is taken off */
	assert_false(stlb_fill(VADDR, &why));
	assert_string_equal(why, "no window is open");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_both, close_both)
	const struct CMUnitTest tests[] = {
		CASE(test_a_miss_maps_the_page_and_the_next_one),
		CASE(test_pages_of_the_direct_map_are_small_ones),
		CASE(test_the_last_page_of_all_has_no_next_one),
		CASE(test_refused_addresses_fill_nothing),
		CASE(test_only_frames_of_the_dvm_and_its_card),
		CASE(test_a_second_page_that_comes_later_is_filled_by_a_fault),
		CASE(test_a_fault_that_no_fill_helps_is_refused),
		CASE(test_pages_of_one_entry_take_turns),
		CASE(test_r4_a_changed_leaf_leaves_both_places),
		CASE(test_r4_a_changed_upper_level_empties_it),
		CASE(test_a_flush_amid_a_miss_leaves_what_was_asked_for),
		CASE(test_every_mapped_page_is_compared),
		CASE(test_closed_it_has_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
