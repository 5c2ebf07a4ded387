/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The window on a small driver VM: fills, what it refuses (R3), and what it drops (R4). */
#include "twin/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/x86.h"
#include "lib/errno.h"
#include "mem/paging.h"
#include "small_dvm.h"

static bool fill(dva_t va, bool write, const char **why)
{
	return window_fill(va, write, false, why);
}

static void test_r3_a_fault_on_an_unchanged_entry_is_not_filled_again(void **state)
{
	const char *why;

	(void)state;
	assert_true(fill(VADDR, true, &why));
	assert_false(fill(VADDR, true, &why));
	assert_string_equal(why, "fault on a page that is mapped as the driver VM has it");
	assert_false(fill(VADDR + 8, false, &why));
	*entry(PT, VADDR, 0) = PAGE_B | PTE_P | PTE_W; /* another page: that helps */
	assert_true(fill(VADDR, true, &why));
}

static void test_r3_more_rights_are_filled(void **state)
{
	const char *why;

	(void)state;
	*entry(PT, VADDR, 0) = PAGE_A | PTE_P;
	assert_true(fill(VADDR, false, &why));
	assert_false(fill(VADDR, true, &why));
	assert_string_equal(why, "read-only in the driver VM");
	*entry(PT, VADDR, 0) = PAGE_A | PTE_P | PTE_W;
	assert_true(fill(VADDR, true, &why));
}

static void test_r3_only_frames_of_the_dvm_and_its_card(void **state)
{
	const char *why;

	(void)state;
	*entry(PT, VADDR, 0) = BAR | PTE_P | PTE_W;
	assert_true(fill(VADDR, true, &why));
	*entry(PT, VADDR, 0) = (BAR + PAGE_SIZE) | PTE_P | PTE_W; /* the MSI-X table, or others' */
	assert_false(fill(VADDR, true, &why));
	*entry(PT, VADDR, 0) = 0xfee00000UL | PTE_P | PTE_W;
	assert_false(fill(VADDR, true, &why));
	assert_string_equal(why, "no memory of the driver VM's there");
	*entry(PMD, VADDR, 1) = 0x7fffff000UL | PTE_P; /* a table outside of its RAM */
	assert_false(fill(VADDR, true, &why));
}

/* All entries become others once the last was read: what was read before counts, to the end. */
static void change_tables(gpa_t gpa)
{
	if (gpa < RAM)
		return;
	*entry(PGD, VADDR, 3) = *entry(PUD, VADDR, 2) = *entry(PMD, VADDR, 1) = 0;
	*entry(PT, VADDR, 0) = 0xfee00000UL | PTE_P | PTE_W;
}

/* An upper entry goes when that of the next table is about to be read. */
static void change_what_was_read(gpa_t gpa)
{
	if (gpa >> PAGE_SHIFT == PUD >> PAGE_SHIFT)
		*entry(PGD, VADDR, 3) = 0;
	if (gpa >> PAGE_SHIFT == PMD >> PAGE_SHIFT)
		*entry(PUD, VADDR, 2) = 0;
	if (gpa >> PAGE_SHIFT == PT >> PAGE_SHIFT)
		*entry(PMD, VADDR, 1) = 0;
}

static void test_r3_an_entry_that_changes_was_read_once(void **state)
{
	static void (*const changes[])(gpa_t) = { change_tables, change_what_was_read };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		const char *why;

		window_flush();
		map(VADDR, PAGE_A | PTE_P);
		meanwhile = changes[i];
		assert_true(fill(VADDR, false, &why));
		meanwhile = NULL;
		assert_int_equal(window_pages(), 1);
		assert_int_equal(hv_entry(VADDR) & (PTE_ADDR | PTE_P | PTE_W),
				 (hpa_t)(ram + PAGE_A) | PTE_P);
		window_revalidate(); /* it notices what became of them */
		assert_int_equal(window_pages(), 0);
	}
}

static void test_r1_a_dvm_with_five_levels_is_refused(void **state)
{
	(void)state;
	window_close();
	cr4 = CR4_LA57;
	assert_int_equal(window_open(&dvm, PGD, DIRECT, &nic), -EINVAL);
	cr4 = 0;
	assert_int_equal(window_open(&dvm, PGD, DIRECT, &nic), 0);
}

static void test_r4_a_changed_leaf_is_dropped(void **state)
{
	const char *why;
	uint64_t dropped = window_stats.dropped;

	(void)state;
	assert_true(fill(VADDR, true, &why));
	*entry(PT, VADDR, 0) |= PTE_A | PTE_D;
	window_revalidate();
	assert_int_equal(window_stats.dropped, dropped);
	*entry(PT, VADDR, 0) = PAGE_B | PTE_P | PTE_W;
	window_revalidate();
	assert_int_equal(window_stats.dropped, dropped + 1);
	assert_int_equal(window_pages(), 0);
	assert_int_equal(window_tracked(0), 0);
	assert_true(fill(VADDR, true, &why));
}

/* Who has not run since cannot have changed anything: nothing is read. */
static void test_r4_compared_when_the_dvm_ran(void **state)
{
	const char *why;
	uint64_t *leaf = entry(PT, VADDR, 0);

	(void)state;
	assert_true(fill(VADDR, true, &why));
	window_revalidate();
	*leaf = PAGE_B | PTE_P | PTE_W;
	window_revalidate();
	assert_int_equal(window_pages(), 1);
	dvm.entries++;
	window_revalidate();
	assert_int_equal(window_pages(), 0);
}

static void test_r4_a_changed_upper_level_drops_everything(void **state)
{
	const char *why;

	(void)state;
	assert_true(fill(VADDR, true, &why));
	*entry(PMD, VADDR, 1) |= PTE_A;
	window_revalidate();
	assert_int_equal(window_pages(), 1);
	memcpy(ram + PT + PAGE_SIZE, ram + PT, PAGE_SIZE); /* the same leaf in another table page */
	*entry(PMD, VADDR, 1) = (PT + PAGE_SIZE) | PTE_P | PTE_W;
	window_revalidate();
	assert_int_equal(window_pages(), 0);
}

static void test_r4_without_the_rule_stale_entries_stay(void **state)
{
	const char *why;

	(void)state;
	assert_true(fill(VADDR, true, &why));
	window_set_rule(false);
	*entry(PT, VADDR, 0) = PAGE_B | PTE_P | PTE_W;
	window_revalidate();
	assert_int_equal(window_pages(), 1);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(test_r3_a_fault_on_an_unchanged_entry_is_not_filled_again),
		CASE(test_r3_more_rights_are_filled),
		CASE(test_r3_only_frames_of_the_dvm_and_its_card),
		CASE(test_r3_an_entry_that_changes_was_read_once),
		CASE(test_r1_a_dvm_with_five_levels_is_refused),
		CASE(test_r4_a_changed_leaf_is_dropped),
		CASE(test_r4_compared_when_the_dvm_ran),
		CASE(test_r4_a_changed_upper_level_drops_everything),
		CASE(test_r4_without_the_rule_stale_entries_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
