/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hv/lib/utf8.c against the code points themselves: every one, and every byte sequence near one. */
#include "lib/utf8.h"

#include <cmocka.h>

#include "lib/string.h"

#define LAST 0x10ffff

/* What the checker says of a sequence, byte by byte as the console asks. */
static enum utf8 check(const uint8_t *s, unsigned int n)
{
	enum utf8 is = UTF8_PART;

	for (unsigned int i = 1; i <= n; i++) {
		if (is != UTF8_PART)
			return UTF8_BAD;
		is = utf8_check(s, i);
	}
	return is;
}

static unsigned int encode(uint32_t c, uint8_t *s)
{
	if (c < 0x800) {
		s[0] = 0xc0 | c >> 6;
		s[1] = 0x80 | (c & 0x3f);
		return 2;
	}
	if (c < 0x10000) {
		s[0] = 0xe0 | c >> 12;
		s[1] = 0x80 | (c >> 6 & 0x3f);
		s[2] = 0x80 | (c & 0x3f);
		return 3;
	}
	s[0] = 0xf0 | c >> 18;
	s[1] = 0x80 | (c >> 12 & 0x3f);
	s[2] = 0x80 | (c >> 6 & 0x3f);
	s[3] = 0x80 | (c & 0x3f);
	return 4;
}

static void every_character_is_one(void **state)
{
	uint8_t s[UTF8_MAX];

	(void)state;
	for (uint32_t c = 0x80; c <= LAST + 0x10000; c++) {
		bool good = c >= 0xa0 && (c < 0xd800 || c > 0xdfff) && c <= LAST;
		unsigned int n = encode(c, s);

		assert_int_equal(check(s, n) == UTF8_WHOLE, good);
		for (unsigned int i = 1; good && i < n; i++)
			assert_int_equal(check(s, i), UTF8_PART);
	}
}

/* Whatever is whole says the same when its code point is encoded again: nothing is too long. */
static void nothing_else_is(void **state)
{
	uint8_t s[UTF8_MAX], again[UTF8_MAX];
	unsigned int whole = 0;

	(void)state;
	for (uint32_t first = 0x80; first < 0x100; first++)
		for (uint32_t rest = 0; rest < 0x10000; rest++) {
			uint32_t c;

			s[0] = first;
			s[1] = rest >> 8;
			s[2] = rest;
			if (check(s, 3) != UTF8_WHOLE)
				continue;
			whole++;
			c = (first & 0xf) << 12 | (s[1] & 0x3fU) << 6 | (s[2] & 0x3f);
			assert_int_equal(encode(c, again), 3);
			assert_int_equal(memcmp(s, again, 3), 0);
		}
	assert_int_equal(whole, 0x10000 - 0x800 - 0x800); /* surrogates, and what two bytes say */
}

static void single_bytes_are_none(void **state)
{
	(void)state;
	for (unsigned int b = 0x80; b < 0x100; b++) {
		uint8_t s = b;

		assert_int_equal(utf8_check(&s, 1), b >= 0xc2 && b <= 0xf4 ? UTF8_PART : UTF8_BAD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_character_is_one),
		cmocka_unit_test(nothing_else_is),
		cmocka_unit_test(single_bytes_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
