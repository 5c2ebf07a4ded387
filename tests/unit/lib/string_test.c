/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hv/lib/string.c does what ISO C says, at every alignment and overlap; numbers never wrap. */
#include "lib/string.h"

#include <cmocka.h>

#include "lib/errno.h"

#define ROOM  96
#define GUARD 0xa5

static uint8_t ours[ROOM], theirs[ROOM];

static void fill(void)
{
	for (unsigned int i = 0; i < ROOM; i++)
		ours[i] = theirs[i] = i * 37 + 11;
}

static void copies_at_every_alignment_and_length(void **state)
{
	uint8_t dst[ROOM], want[ROOM];

	(void)state;
	fill();
	for (unsigned int to = 0; to < 9; to++)
		for (unsigned int from = 0; from < 9; from++)
			for (unsigned int n = 0; n < 70; n++) {
				for (unsigned int i = 0; i < ROOM; i++)
					dst[i] = want[i] = GUARD;
				for (unsigned int i = 0; i < n; i++)
					want[to + i] = ours[from + i];
				assert_ptr_equal(memcpy(dst + to, ours + from, n), dst + to);
				assert_int_equal(host_memcmp(dst, want, ROOM), 0);
			}
}

static void moves_over_itself_in_both_directions(void **state)
{
	(void)state;
	for (unsigned int to = 0; to < 24; to++)
		for (unsigned int from = 0; from < 24; from++)
			for (unsigned int n = 0; n < 70; n++) {
				fill();
				assert_ptr_equal(memmove(ours + to, ours + from, n), ours + to);
				host_memmove(theirs + to, theirs + from, n);
				assert_int_equal(host_memcmp(ours, theirs, ROOM), 0);
			}
}

static void fills_exactly_what_was_asked(void **state)
{
	(void)state;
	for (unsigned int to = 0; to < 9; to++)
		for (unsigned int n = 0; n < 70; n++) {
			fill();
			for (unsigned int i = 0; i < n; i++)
				theirs[to + i] = 0xfe;
			/* Only the low byte counts. */
			assert_ptr_equal(memset(ours + to, 0x12fe, n), ours + to);
			assert_int_equal(host_memcmp(ours, theirs, ROOM), 0);
		}
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void compares_as_unsigned_bytes(void **state)
{
	static const char *const texts[] = { "", "a", "ab", "abc", "abd", "b", "\x80", "a\xff" };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++)
		for (unsigned int j = 0; j < ARRAY_SIZE(texts); j++) {
			const char *a = texts[i], *b = texts[j];
			size_t both = MIN(strlen(a), strlen(b)) + 1;

			assert_int_equal(sign(strcmp(a, b)), sign(host_strcmp(a, b)));
			assert_int_equal(sign(memcmp(a, b, both)), sign(host_memcmp(a, b, both)));
			for (size_t n = 0; n < 5; n++)
				assert_int_equal(sign(strncmp(a, b, n)),
						 sign(host_strncmp(a, b, n)));
		}
}

static void measures_and_finds(void **state)
{
	static const char text[] = "aabaabaaab";
	char no_end[4] = { 'a', 'b', 'c', 'd' };

	(void)state;
	assert_int_equal(strlen(text), 10);
	assert_int_equal(strlen(""), 0);
	assert_int_equal(strnlen(text, 3), 3);
	assert_int_equal(strnlen(text, 99), 10);
	assert_int_equal(strnlen(no_end, 4), 4); /* the sanitizer sees a byte too many */
	assert_ptr_equal(strchr(text, 'b'), text + 2);
	assert_ptr_equal(strchr(text, 0), text + 10);
	assert_null(strchr(text, 'x'));
	for (const char *what = text + 10; what >= text; what--)
		assert_ptr_equal(strstr(text, what), host_strstr(text, what));
	assert_ptr_equal(strstr(text, "aaab"), text + 6);
	assert_null(strstr(text, "bb"));
	assert_null(strstr("", "a"));
	assert_non_null(strstr("", ""));
}

static void cuts_a_copy_and_tells_the_whole_length(void **state)
{
	char buf[6];

	(void)state;
	assert_int_equal(strlcpy(buf, "abc", sizeof(buf)), 3);
	assert_string_equal(buf, "abc");
	assert_int_equal(strlcpy(buf, "abcdefgh", sizeof(buf)), 8);
	assert_string_equal(buf, "abcde");
	buf[1] = 'x';
	assert_int_equal(strlcpy(buf, "abc", 1), 3);
	assert_int_equal(buf[0], 0);
	assert_int_equal(buf[1], 'x');
}

static void reads_numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
		const char *rest;
	} good[] = {
		{ "0", 0, "" },
		{ "7 8", 7, " 8" },
		{ "007", 7, "" },
		{ "18446744073709551615", UINT64_MAX, "" },
		{ "0xffffffffffffffff", UINT64_MAX, "" },
		{ "0xAbG", 0xabUL << 30, "" },
		{ "0x10", 16, "" },
		{ "64K", 64 << 10, "" },
		{ "256M", 256UL << 20, "" },
		{ "3G", 3UL << 30, "" },
		{ "17179869183G", 17179869183UL << 30, "" },
		{ "1KB", 1024, "B" },
		{ "1k", 1, "k" },
		{ "12ab", 12, "ab" },
		{ "5MM", 5UL << 20, "M" },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(good); i++) {
		const char *s = good[i].text;
		uint64_t value = 99;

		assert_int_equal(parse_u64(&s, &value), 0);
		assert_int_equal(value, good[i].value);
		assert_string_equal(s, good[i].rest);
	}
}

static void refuses_what_is_no_number(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		" 1",
		"-1",
		"+1",
		"K",
		"0x",
		"0xg",
		"18446744073709551616",
		"99999999999999999999999",
		"0x10000000000000000",
		"17179869184G",
		"18014398509481984K",
		"18446744073709551615M",
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *s = bad[i];
		uint64_t value = 99;

		assert_int_equal(parse_u64(&s, &value), -EINVAL);
		assert_ptr_equal(s, bad[i]);
		assert_int_equal(value, 99);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_at_every_alignment_and_length),
		cmocka_unit_test(moves_over_itself_in_both_directions),
		cmocka_unit_test(fills_exactly_what_was_asked),
		cmocka_unit_test(compares_as_unsigned_bytes),
		cmocka_unit_test(measures_and_finds),
		cmocka_unit_test(cuts_a_copy_and_tells_the_whole_length),
		cmocka_unit_test(reads_numbers),
		cmocka_unit_test(refuses_what_is_no_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
