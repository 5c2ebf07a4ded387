/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory and string routines. */
#include "lib/string.h"

#include "lib/errno.h"

/*
 * Whole words first: under an emulator one REP iteration costs one instruction, whatever its
 * size.
 */
void *memcpy(void *dst, const void *src, size_t n)
{
	void *d = dst;
	size_t words = n / 8, rest = n % 8;

	asm volatile("rep movsq" : "+D"(d), "+S"(src), "+c"(words)::"memory");
	if (rest)
		asm volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(rest)::"memory");
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	uint8_t *d = dst;
	const uint8_t *s = src;

	if (d <= s || d >= s + n)
		return memcpy(dst, src, n);
	/* From the end, each word read before it is written; no REP, which would need STD. */
	for (; n % 8; n--)
		d[n - 1] = s[n - 1];
	for (; n; n -= 8) {
		uint64_t word;

		__builtin_memcpy(&word, s + n - 8, 8);
		__builtin_memcpy(d + n - 8, &word, 8);
	}
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	void *d = dst;
	size_t words = n / 8, rest = n % 8;
	uint64_t fill = (uint8_t)c * 0x0101010101010101UL;

	asm volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(fill) : "memory");
	if (rest)
		asm volatile("rep stosb" : "+D"(d), "+c"(rest) : "a"(fill) : "memory");
	return dst;
}

/*
 * Not in line: where the length is constant and only equality asked for, the compiler makes loads
 * of __builtin_memcmp(), unless it has taken this body before.
 */
__noinline int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (; n--; x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n--; a++, b++) {
		if (*a != *b)
			return (uint8_t)*a - (uint8_t)*b;
		if (!*a)
			break;
	}
	return 0;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (!*s)
			return NULL;
	return (char *)s;
}

char *strstr(const char *s, const char *what)
{
	size_t n = strlen(what);

	for (; *s; s++)
		if (strncmp(s, what, n) == 0)
			return (char *)s;
	return n ? NULL : (char *)s;
}

size_t strlcpy(char *dst, const char *src, size_t size)
{
	size_t n = strlen(src), keep = MIN(n, size - 1);

	memcpy(dst, src, keep);
	dst[keep] = 0;
	return n;
}

static int digit(char c, unsigned int base)
{
	int d = -1;

	if (c >= '0' && c <= '9')
		d = c - '0';
	else if (c >= 'a' && c <= 'f')
		d = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		d = c - 'A' + 10;
	return d < (int)base ? d : -1;
}

int parse_u64(const char **s, uint64_t *value)
{
	unsigned int base = (*s)[0] == '0' && (*s)[1] == 'x' ? 16 : 10;
	const char *p = *s + (base == 16 ? 2 : 0);
	uint64_t n = 0;
	unsigned int shift = 0;

	if (digit(*p, base) < 0)
		return -EINVAL;
	for (; digit(*p, base) >= 0; p++)
		if (__builtin_mul_overflow(n, base, &n) ||
		    __builtin_add_overflow(n, (uint64_t)digit(*p, base), &n))
			return -EINVAL;
	if (*p == 'K')
		shift = 10;
	else if (*p == 'M')
		shift = 20;
	else if (*p == 'G')
		shift = 30;
	if (shift && n >> (64 - shift))
		return -EINVAL;
	*value = n << shift;
	*s = p + (shift != 0);
	return 0;
}
