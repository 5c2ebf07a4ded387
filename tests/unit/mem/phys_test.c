/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who owns which frame, with memory maps as firmware gives them and as it should not. The frame
 * table is written where it lies, so the low RAM of these machines is memory of the test's.
 */
#include "mem/phys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "debug/log.h"
#include "debug/monitor.h"
#include "mem/layout.h"
#include "mem/paging.h"

#define LOW_START MIB(16)
#define LOW_END   MIB(64)
#define IMAGE_END MIB(3)
#define SCRATCH   MIB(4)
#define VM        (FRAME_VM + 1)

static struct boot_info boot;
static uint8_t scratch[SCRATCH];
static unsigned int warnings;
static jmp_buf failed;

hpa_t image_end_hpa(void)
{
	return IMAGE_END;
}

/* What is allocated is cleared, and looked at by nobody. */
void *hpa_to_hva(hpa_t hpa)
{
	return scratch + hpa % PAGE_SIZE;
}

void log_warn(const char *fmt, ...)
{
	(void)fmt;
	warnings++;
}

void boot_fail(const char *fmt, ...)
{
	(void)fmt;
	longjmp(failed, 1);
}

void mon(const char *fmt, ...)
{
	(void)fmt;
}

size_t strlcpy(char *dst, const char *src, size_t size)
{
	strncpy(dst, src, size - 1);
	return strlen(src);
}

static int begin(void **state)
{
	void *p = mmap((void *)LOW_START, LOW_END - LOW_START, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	(void)state;
	memset(&boot, 0, sizeof(boot));
	warnings = 0;
	return p == (void *)LOW_START ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	return munmap((void *)LOW_START, LOW_END - LOW_START);
}

static void range(hpa_t start, hpa_t end_, uint32_t type)
{
	boot.range[boot.ranges++] = (struct boot_range){ start, end_ - start, type };
}

/* A BIOS's map, and 4 GiB above the hole, as of a machine with -m 6144. */
static void usual(void)
{
	range(0, 0x9fc00, RANGE_RAM);
	range(0x9fc00, 0xa0000, MB2_RESERVED);
	range(0xf0000, MIB(1), MB2_RESERVED);
	range(MIB(1), LOW_END, RANGE_RAM);
	range(0xfffc0000, GIB(4), MB2_RESERVED);
	range(GIB(4), GIB(8), RANGE_RAM);
}

static uint64_t frames_of(unsigned int owner)
{
	uint64_t n = 0;

	for (hpa_t a = 0; a < phys_top(); a += PAGE_SIZE)
		n += phys_owned_by(a, PAGE_SIZE, owner);
	return n;
}

static void test_usual_map(void **state)
{
	uint64_t table = GIB(8) >> PAGE_SHIFT;

	(void)state;
	usual();
	phys_init(&boot);
	assert_int_equal(phys_top(), GIB(8));
	assert_int_equal(phys_ram_bytes(), 0x9f000 + LOW_END - MIB(1) + GIB(4));
	assert_true(phys_owned_by(0, 0x9f000, FRAME_FREE));
	assert_false(phys_is_ram(0x9f000)); /* a part of it is reserved */
	assert_true(phys_owned_by(HV_PHYS_START, IMAGE_END - HV_PHYS_START, FRAME_HV));
	/* The table is at the end of what a 32-bit boot mapping reaches. */
	assert_true(phys_owned_by(LOW_END - table, table, FRAME_HV));
	assert_true(phys_owned_by(LOW_END - table - PAGE_SIZE, PAGE_SIZE, FRAME_FREE));
	assert_false(phys_is_ram(LOW_END));
	assert_false(phys_is_ram(GIB(4) - PAGE_SIZE));
	assert_true(phys_owned_by(GIB(4), GIB(4), FRAME_FREE));
	assert_false(phys_is_ram(GIB(8)));
	assert_false(phys_owned_by(GIB(8) - PAGE_SIZE, 2 * PAGE_SIZE, FRAME_FREE));
	assert_false(phys_owned_by(GIB(4), 0, FRAME_FREE));
	assert_false(phys_owned_by(GIB(4), ~0UL, FRAME_FREE));
	assert_int_equal(warnings, 0);
}

/* Guests and tables lie above 4 GiB as long as there is room, and below afterwards. */
static void test_high_memory_first(void **state)
{
	hpa_t a;

	(void)state;
	usual();
	boot.range[5].size = MIB(4);
	phys_init(&boot);
	assert_int_equal(phys_alloc(MIB(2), MIB(2), VM), GIB(4) + MIB(2));
	assert_int_equal(phys_alloc(PAGE_SIZE, PAGE_SIZE, FRAME_HV), GIB(4) + MIB(2) - PAGE_SIZE);
	assert_int_equal(phys_free_bytes(GIB(4)), MIB(2) - PAGE_SIZE);
	a = phys_alloc(MIB(2), MIB(2), VM);
	assert_in_range(a, MIB(1), LOW_END - MIB(2));
	assert_true(phys_owned_by(a, MIB(2), VM));
	assert_int_equal(a % MIB(2), 0);
}

/* What a driver VM is made of: run for run, holes between them. */
static void test_runs(void **state)
{
	hpa_t at = 0;

	(void)state;
	usual();
	range(MIB(24), MIB(25) + 1, MB2_RESERVED);
	phys_init(&boot);
	assert_int_equal(phys_run(&at, 0x9f000, FRAME_FREE), 0x9f000);
	assert_int_equal(at, 0);
	at = 0x9f000;
	assert_int_equal(phys_run(&at, MIB(30), FRAME_FREE), HV_PHYS_START - MIB(1));
	assert_int_equal(at, MIB(1));
	at = HV_PHYS_START;
	assert_int_equal(phys_run(&at, MIB(30), FRAME_FREE), MIB(24) - IMAGE_END);
	assert_int_equal(at, IMAGE_END);
	at = MIB(24);
	assert_int_equal(phys_run(&at, MIB(30), FRAME_FREE), MIB(5) - PAGE_SIZE);
	assert_int_equal(at, MIB(25) + PAGE_SIZE);
	at = MIB(24);
	assert_int_equal(phys_run(&at, MIB(25), FRAME_FREE), 0);
	at = GIB(8) - PAGE_SIZE;
	assert_int_equal(phys_run(&at, GIB(16), FRAME_FREE), PAGE_SIZE);
	at = GIB(9);
	assert_int_equal(phys_run(&at, GIB(16), FRAME_FREE), 0);
}

static void test_floor(void **state)
{
	(void)state;
	range(MIB(1), LOW_END, RANGE_RAM);
	phys_init(&boot);
	phys_set_floor(MIB(63));
	assert_int_equal(phys_alloc(MIB(2), PAGE_SIZE, VM), 0);
	assert_int_not_equal(phys_alloc(KIB(512), PAGE_SIZE, VM), 0);
	phys_set_floor(0);
	assert_int_not_equal(phys_alloc(MIB(2), PAGE_SIZE, VM), 0);
	assert_int_equal(phys_alloc(0, PAGE_SIZE, VM), 0);
	assert_int_equal(phys_alloc(GIB(1), PAGE_SIZE, VM), 0);
}

/* What one range calls RAM and another does not is not RAM, in whatever order they come. */
static void test_overlaps(void **state)
{
	(void)state;
	range(MIB(20), MIB(21), MB2_RESERVED);
	range(MIB(1), LOW_END, RANGE_RAM);
	range(MIB(1), MIB(40), RANGE_RAM);  /* twice */
	range(MIB(30) + 1, MIB(30) + 2, 3); /* one byte of a frame */
	range(MIB(62), MIB(70), 4);         /* across the end */
	phys_init(&boot);
	assert_int_equal(phys_ram_bytes(), MIB(61) - MIB(1) - PAGE_SIZE);
	for (hpa_t at = MIB(20); at < MIB(21); at += PAGE_SIZE)
		assert_false(phys_is_ram(at));
	assert_true(phys_is_ram(MIB(20) - PAGE_SIZE) && phys_is_ram(MIB(21)));
	assert_false(phys_is_ram(MIB(30)));
	assert_true(phys_is_ram(MIB(30) - PAGE_SIZE) && phys_is_ram(MIB(30) + PAGE_SIZE));
	assert_false(phys_is_ram(MIB(62)));
	/* Nor does the frame table lie there. */
	assert_true(phys_owned_by(MIB(62) - 4 * PAGE_SIZE, 4 * PAGE_SIZE, FRAME_HV));
}

static void test_odd_ranges(void **state)
{
	(void)state;
	range(MIB(1), LOW_END, RANGE_RAM);
	range(MIB(40), MIB(40), MB2_RESERVED);                    /* empty */
	range(MIB(50) + 1, MIB(50) + PAGE_SIZE, RANGE_RAM);       /* less than a frame */
	range(GIB(4) + 1, GIB(4) + 2 * PAGE_SIZE - 1, RANGE_RAM); /* of two frames neither */
	boot.range[boot.ranges++] = (struct boot_range){ ~0UL - MIB(1), MIB(2), MB2_RESERVED };
	phys_init(&boot);
	assert_int_equal(phys_ram_bytes(), LOW_END - MIB(1));
	assert_true(phys_is_ram(MIB(40)));
	assert_false(phys_is_ram(GIB(4)));
	assert_false(phys_is_ram(GIB(4) + PAGE_SIZE));
	assert_int_equal(warnings, 0);
}

/* RAM without an end is RAM up to the bound, and what is reserved in it is not. */
static void test_more_than_fits(void **state)
{
	(void)state;
	range(MIB(1), LOW_END, RANGE_RAM);
	boot.range[boot.ranges++] = (struct boot_range){ GIB(4), ~0UL, RANGE_RAM };
	range(GIB(5), GIB(6), MB2_RESERVED);
	range(GIB(200), GIB(201), MB2_RESERVED);
	phys_init(&boot);
	assert_int_equal(phys_top(), PAGING_RAM_MAX);
	assert_int_equal(warnings, 1);
	assert_int_equal(frames_of(FRAME_FREE) + frames_of(FRAME_HV),
			 (LOW_END - MIB(1) + PAGING_RAM_MAX - GIB(5)) >> PAGE_SHIFT);
	assert_false(phys_is_ram(GIB(5)) || phys_is_ram(GIB(6) - PAGE_SIZE));
}

/* The frame table lies in front of what is in its way, as high as it can. */
static void test_table_avoids_modules(void **state)
{
	uint64_t table = ALIGN_UP(LOW_END >> PAGE_SHIFT, PAGE_SIZE);

	(void)state;
	range(MIB(1), LOW_END, RANGE_RAM);
	boot.modules = 2;
	boot.module[0] = (struct boot_module){ .start = MIB(62) + 5, .size = MIB(2) - 5 };
	boot.module[1] = (struct boot_module){ .start = MIB(60), .size = MIB(2) - 1 };
	phys_init(&boot);
	assert_true(phys_owned_by(MIB(60), MIB(4), FRAME_BOOT));
	assert_true(phys_owned_by(MIB(60) - table, table, FRAME_HV));
	assert_true(phys_owned_by(MIB(60) - table - PAGE_SIZE, PAGE_SIZE, FRAME_FREE));
}

/* A module where no RAM is stays nobody's RAM. */
static void test_module_in_reserved_memory(void **state)
{
	(void)state;
	range(MIB(1), MIB(32), RANGE_RAM);
	range(MIB(32), LOW_END, MB2_RESERVED);
	boot.modules = 1;
	boot.module[0] = (struct boot_module){ .start = MIB(31), .size = MIB(2) };
	phys_init(&boot);
	assert_true(phys_owned_by(MIB(31), MIB(1), FRAME_BOOT));
	phys_set_owner(MIB(31), MIB(2), FRAME_FREE);
	assert_true(phys_owned_by(MIB(31), MIB(1), FRAME_FREE));
	assert_false(phys_is_ram(MIB(32)));
}

static void expect_failure(void)
{
	if (setjmp(failed))
		return;
	phys_init(&boot);
	fail_msg("the boot goes on");
}

static void test_no_room_for_the_table(void **state)
{
	(void)state;
	expect_failure(); /* no RAM at all */
	range(GIB(4), GIB(8), RANGE_RAM);
	expect_failure(); /* none that the boot mapping reaches */
	range(MIB(1), LOW_START + MIB(1), RANGE_RAM);
	expect_failure(); /* too little below 4 GiB: the table of 8 GiB has 2 MiB */
	range(MIB(32), LOW_END, RANGE_RAM);
	range(MIB(16), MIB(63), MB2_RESERVED);
	expect_failure(); /* all of it reserved but 1 MiB */
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_usual_map),
		CASE(test_high_memory_first),
		CASE(test_runs),
		CASE(test_floor),
		CASE(test_overlaps),
		CASE(test_odd_ranges),
		CASE(test_more_than_fits),
		CASE(test_table_avoids_modules),
		CASE(test_module_in_reserved_memory),
		CASE(test_no_room_for_the_table),
	};

	return cmocka_run_group_tests_name("phys", tests, NULL, NULL);
}
