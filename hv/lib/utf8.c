/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a byte sequence is in UTF-8. */
#include "lib/utf8.h"

/* Bytes that the first one promises; 0: it begins nothing. C0 and C1 would make ASCII long. */
static unsigned int length_of(uint8_t first)
{
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* Beside continuation bytes: no control codes, nothing too long, no surrogates, no end beyond. */
static bool is_second(uint8_t first, uint8_t second)
{
	switch (first) {
	case 0xc2:
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed:
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return second >= 0x80 && second <= 0xbf;
	}
}

enum utf8 utf8_check(const uint8_t *s, unsigned int n)
{
	unsigned int length = length_of(s[0]);

	if (n > length || (n == 2 && !is_second(s[0], s[1])) || (n > 2 && s[n - 1] >> 6 != 2))
		return UTF8_BAD;
	return n < length ? UTF8_PART : UTF8_WHOLE;
}
