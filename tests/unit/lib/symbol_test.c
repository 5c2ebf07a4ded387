/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hv/debug/symbol.c: right names from good tables, none from broken ones, no read past the end. */
#include "debug/symbol.h"

#include <cmocka.h>

#include "debug/log.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mem/layout.h"

#define BASE 0x20000200000UL

uint64_t fake_text_start = BASE, fake_text_end = BASE + 0x100000;
static unsigned int warnings;
static char *table; /* on the heap without a NUL: the sanitizer sees a byte read past the end */

void log_warn(const char *fmt, ...)
{
	assert_non_null(strstr(fmt, "symbol table"));
	warnings++;
}

static void load(const char *text)
{
	size_t size = strlen(text);

	free(table);
	table = malloc(size ? size : 1);
	memcpy(table, text, size);
	warnings = 0;
	symbol_init(table, size);
}

static int unload(void **state)
{
	(void)state;
	symbol_init(NULL, 0);
	free(table);
	table = NULL;
	return 0;
}

static const char *name_of(uint64_t addr)
{
	static char buf[128];

	assert_ptr_equal(symbol_format(addr, buf, sizeof(buf)), buf);
	return buf;
}

static const char small[] = "0000020000200010 T first\n"
			    "0000020000200020 t second_one\n"
			    "0000020000200020 T alias\n"
			    "0000020000201000 T last\n";

static void finds_the_symbol_below(void **state)
{
	(void)state;
	load(small);
	assert_int_equal(warnings, 0);
	assert_string_equal(name_of(BASE + 0x10), "first+0x0");
	assert_string_equal(name_of(BASE + 0x1f), "first+0xf");
	assert_string_equal(name_of(BASE + 0x20), "alias+0x0");
	assert_string_equal(name_of(BASE + 0xfff), "alias+0xfdf");
	assert_string_equal(name_of(BASE + 0x1000), "last+0x0");
	assert_string_equal(name_of(BASE + 0xfffff), "last+0xfefff");
}

static void prints_other_addresses_as_numbers(void **state)
{
	(void)state;
	load(small);
	assert_string_equal(name_of(BASE + 0xf), "0x2000020000f"); /* before the first */
	assert_string_equal(name_of(BASE + 0x100000), "0x20000300000");
	assert_string_equal(name_of(0), "0x0");
	assert_string_equal(name_of(UINT64_MAX), "0xffffffffffffffff");
}

static void works_without_a_table(void **state)
{
	(void)state;
	load("");
	assert_int_equal(warnings, 0);
	assert_string_equal(name_of(BASE + 0x10), "0x20000200010");
}

static void needs_no_newline_at_the_end(void **state)
{
	(void)state;
	load("0000020000200010 T first\n0000020000200020 T b");
	assert_int_equal(warnings, 0);
	assert_string_equal(name_of(BASE + 0x21), "b+0x1");
	load("0000020000200010 T only");
	assert_string_equal(name_of(BASE + 0x21), "only+0x11");
}

static void cuts_names_to_the_buffer(void **state)
{
	char text[400], buf[8];
	size_t n = snprintf(text, sizeof(text), "0000020000200000 T ");

	(void)state;
	memset(text + n, 'n', 300);
	text[n + 300] = 0;
	load(text);
	assert_int_equal(strlen(name_of(BASE)), 80 + 4); /* and "+0x0" */
	symbol_format(BASE, buf, sizeof(buf));
	assert_string_equal(buf, "nnnnnnn");
}

static void refuses_broken_tables(void **state)
{
	static const char *const broken[] = {
		"\n",
		"x",
		"0000020000200010",
		"0000020000200010 T",
		"0000020000200010 T ",
		"0000020000200010 T \n",
		"0000020000200010 T a\n\n",
		"000002000020001g T a\n",
		"0x00020000200010 T a\n",
		"000002000020001 T abc\n",
		"00000020000200010 T a\n",
		"0000020000200010:T a\n",
		"0000020000200010 TT a\n",
		"0000020000200010 T a\r0000020000200000 T b\nX",
		"0000020000200020 T a\n0000020000200010 T b\n", /* falls */
		"0000020000200010 T a\n0000020000200020 T b\n0000020000200018 T c\n",
		"0000020000200010 T a\n00000200002",
		"                 U undefined\n",
		"\x7f"
		"ELF\x02\x01\x01 and so on, long enough for a line\n",
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(broken); i++) {
		load(broken[i]);
		assert_int_equal(warnings, 1);
		assert_string_equal(name_of(BASE + 0x18), "0x20000200018");
	}
}

static void stops_at_the_size_given(void **state)
{
	(void)state;
	load(small);
	for (size_t size = 0; size <= sizeof(small) - 1; size++) {
		char *part = malloc(size ? size : 1);

		memcpy(part, small, size);
		symbol_init(part, size);
		name_of(BASE + 0x10);
		name_of(BASE + 0x2000);
		symbol_init(NULL, 0);
		free(part);
	}
}

/* Halving against looking at every line, with names of all lengths and addresses that repeat. */
static void agrees_with_a_plain_search(void **state)
{
	enum { COUNT = 300 };
	static uint64_t addr[COUNT];
	static char text[COUNT * 80], want[128];
	uint32_t random = 1;
	size_t n = 0;

	(void)state;
	for (unsigned int i = 0; i < COUNT; i++) {
		random = random * 1103515245 + 12345;
		addr[i] = (i ? addr[i - 1] : BASE) + (random >> 16) % 5;
		n += snprintf(text + n, sizeof(text) - n, "%016lx t s%u_%.*s\n", addr[i], i,
			      (int)(random >> 20) % 40,
			      "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst");
	}
	load(text);
	assert_int_equal(warnings, 0);
	for (uint64_t a = BASE - 3; a < addr[COUNT - 1] + 5; a++) {
		int found = -1;

		for (int i = 0; i < COUNT && addr[i] <= a; i++)
			found = i;
		snprintf(want, sizeof(want), found < 0 || a < BASE ? "0x%lx" : "s%lu_",
			 found < 0 || a < BASE ? a : (uint64_t)found);
		assert_int_equal(host_strncmp(name_of(a), want, strlen(want)), 0);
	}
}

#define TEST(f) cmocka_unit_test_teardown(f, unload)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_the_symbol_below),   TEST(prints_other_addresses_as_numbers),
		TEST(works_without_a_table),    TEST(needs_no_newline_at_the_end),
		TEST(cuts_names_to_the_buffer), TEST(refuses_broken_tables),
		TEST(stops_at_the_size_given),  TEST(agrees_with_a_plain_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
