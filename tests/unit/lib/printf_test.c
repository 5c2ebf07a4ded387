/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hv/lib/printf.c prints what the C library prints, for all that it knows, in any buffer. */
#include "lib/printf.h"

#include <cmocka.h>

#include "lib/string.h"

/* Not known to the compiler as a format, so that every form can be tried. */
static void check(const char *fmt, ...)
{
	char want[256], got[256];
	va_list ap;
	int want_len, got_len;

	va_start(ap, fmt);
	want_len = host_vsnprintf(want, sizeof(want), fmt, ap);
	va_end(ap);
	va_start(ap, fmt);
	got_len = vsnprintf(got, sizeof(got), fmt, ap);
	va_end(ap);
	assert_string_equal(got, want);
	assert_int_equal(got_len, want_len);
}

static void prints_numbers_like_the_library(void **state)
{
	static const char *const flags[] = { "", "-", "0", "-0", "0-" };
	static const char *const widths[] = { "", "1", "4", "12", "20", "70", "100" };
	static const uint64_t values[] = { 0,         1,          9,          10,
					   255,       0x7fffffff, 1UL << 31,  0xffffffff,
					   1UL << 63, INT64_MAX,  UINT64_MAX, 1234567890123456789 };
	static const char *const kinds[] = { "ld",  "li",  "lu", "lx", "lX", "lld",
					     "llu", "llx", "zu", "zx", "zd" };
	char fmt[32];

	(void)state;
	for (unsigned int f = 0; f < ARRAY_SIZE(flags); f++)
		for (unsigned int w = 0; w < ARRAY_SIZE(widths); w++)
			for (unsigned int v = 0; v < ARRAY_SIZE(values); v++) {
				for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++) {
					snprintf(fmt, sizeof(fmt), "<%%%s%s%s>", flags[f],
						 widths[w], kinds[k]);
					check(fmt, values[v]);
				}
				for (const char *c = "diuxX"; *c; c++) {
					snprintf(fmt, sizeof(fmt), "<%%%s%s%c>", flags[f],
						 widths[w], *c);
					check(fmt, (int)values[v]);
				}
			}
}

static void prints_text_like_the_library(void **state)
{
	const char no_end[3] = { 'a', 'b', 'c' };

	(void)state;
	check("%s|%10s|%-10s|%2s", "abc", "abc", "abc", "abc");
	check("%.2s|%.0s|%10.2s|%-10.2s|%.9s", "abc", "abc", "abc", "abc", "abc");
	check("%.3s", no_end); /* the sanitizer sees a byte too many */
	check("%c%5c%-5c|", 'x', 'y', 'z');
	check("%*d|%-*d|%*d|%.*s|%*.*s", 6, 42, 6, 42, -6, 42, 2, "abc", 5, 1, "abc");
	check("%s", (char *)NULL);
	check("100 %% of %s%%", "it");
	check("");
	check("%d%s%u", -1, "", 1U);
}

static void takes_more_arguments_than_registers(void **state)
{
	(void)state;
	check("%d %lu %s %x %d %lu %s %x %d %lu %s %x", 1, 2UL, "3", 4, 5, 6UL, "7", 8, 9, 10UL,
	      "11", 12);
}

static void never_writes_beyond_the_buffer(void **state)
{
	char buf[32];

	(void)state;
	for (size_t size = 0; size < sizeof(buf); size++) {
		memset(buf, '#', sizeof(buf));
		assert_int_equal(snprintf(buf, size, "%s-%05d-%x", "abcdef", -42, 0xbeefU), 17);
		if (size) {
			size_t n = MIN(size - 1, 17UL);

			assert_int_equal(host_strncmp(buf, "abcdef--0042-beef", n), 0);
			assert_int_equal(buf[n], 0);
		}
		for (size_t i = size; i < sizeof(buf); i++)
			assert_int_equal(buf[i], '#');
	}
	assert_int_equal(snprintf(NULL, 0, "%d", 12345), 5);
}

static void pointers_and_unknown_letters(void **state)
{
	static const char *unknown = "%q %y"; /* the compiler would refuse it */
	char buf[64];

	(void)state;
	snprintf(buf, sizeof(buf), "%p", (void *)0x20000abcdefUL);
	assert_string_equal(buf, "20000abcdef");
	vsnprintf(buf, sizeof(buf), unknown, (va_list){ 0 });
	assert_string_equal(buf, unknown);
	unknown = "50 %";
	vsnprintf(buf, sizeof(buf), unknown, (va_list){ 0 });
	assert_string_equal(buf, "50 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_numbers_like_the_library),
		cmocka_unit_test(prints_text_like_the_library),
		cmocka_unit_test(takes_more_arguments_than_registers),
		cmocka_unit_test(never_writes_beyond_the_buffer),
		cmocka_unit_test(pointers_and_unknown_letters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
