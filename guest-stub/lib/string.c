/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * <string.h> and atoi(), freestanding. Built with -fno-tree-loop-distribute-patterns, or the
 * compiler would turn these loops into calls of themselves. Copies go by 8 bytes: under emulation
 * each iteration costs the same whatever its width, and unaligned access is cheap on x86.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Access of any alignment and any aliasing. */
typedef uint64_t __attribute__((aligned(1), may_alias)) word_any;

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	uint8_t *d = to;
	const uint8_t *s = from;

	for (; n >= 32; n -= 32, d += 32, s += 32) {
		word_any *dw = (word_any *)d;
		const word_any *sw = (const word_any *)s;
		uint64_t a = sw[0], b = sw[1], c = sw[2], e = sw[3];

		dw[0] = a;
		dw[1] = b;
		dw[2] = c;
		dw[3] = e;
	}
	for (; n >= 8; n -= 8, d += 8, s += 8)
		*(word_any *)d = *(const word_any *)s;
	while (n--)
		*d++ = *s++;
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	uint8_t *d = to;
	const uint8_t *s = from;

	/* Forward is right for every overlap in which the target lies lower. */
	if (d <= s || d >= s + n) {
		while (n--)
			*d++ = *s++;
	} else {
		while (n--)
			d[n] = s[n];
	}
	return to;
}

void *memset(void *to, int value, size_t n)
{
	uint8_t *d = to;
	uint64_t word = 0x0101010101010101ull * (uint8_t)value;

	for (; n >= 8; n -= 8, d += 8)
		*(word_any *)d = word;
	while (n--)
		*d++ = (uint8_t)value;
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (; n--; x++, y++) {
		if (*x != *y)
			return *x - *y;
	}
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; n--)
		a++, b++;
	return n ? (unsigned char)*a - (unsigned char)*b : 0;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++) {
		if (!*s)
			return NULL;
	}
	return (char *)s;
}

char *strstr(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (; *text; text++) {
		if (!strncmp(text, word, n))
			return (char *)text;
	}
	return n ? NULL : (char *)text;
}

int atoi(const char *s)
{
	unsigned int n = 0;
	int negative = *s == '-';

	if (*s == '-' || *s == '+')
		s++;
	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (unsigned int)(*s - '0');
	return (int)(negative ? 0 - n : n);
}
