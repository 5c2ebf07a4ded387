/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The freestanding C library functions and print_to() against the host's. The build renames ours
 * (stub_memcpy and so on), so both can be called.
 */
#include "lib/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void *stub_memcpy(void *to, const void *from, size_t n);
void *stub_memmove(void *to, const void *from, size_t n);
void *stub_memset(void *to, int value, size_t n);
int stub_memcmp(const void *a, const void *b, size_t n);
size_t stub_strlen(const char *s);
int stub_strcmp(const char *a, const char *b);
int stub_strncmp(const char *a, const char *b, size_t n);
char *stub_strchr(const char *s, int c);
char *stub_strstr(const char *text, const char *word);
int stub_atoi(const char *s);

/* print() is not under test here; its output goes nowhere. */
void uart_write(const char *text, size_t length)
{
	(void)text;
	(void)length;
}

static void random_fill(uint8_t *p, size_t n)
{
	while (n--)
		*p++ = (uint8_t)rand();
}

static void test_memory(void **state)
{
	uint8_t from[128], ours[128], theirs[128];

	(void)state;
	for (int round = 0; round < 100000; round++) {
		size_t n = (size_t)rand() % 100, a = (size_t)rand() % 28, b = (size_t)rand() % 28;

		random_fill(from, sizeof(from));
		random_fill(ours, sizeof(ours));
		memcpy(theirs, ours, sizeof(ours));
		assert_ptr_equal(stub_memcpy(ours + a, from + b, n), ours + a);
		memcpy(theirs + a, from + b, n);
		assert_memory_equal(ours, theirs, sizeof(ours));
		stub_memmove(ours + a, ours + b, n);
		memmove(theirs + a, theirs + b, n);
		assert_memory_equal(ours, theirs, sizeof(ours));
		stub_memset(ours + b, (int)n - 50, n);
		memset(theirs + b, (int)n - 50, n);
		assert_memory_equal(ours, theirs, sizeof(ours));
	}
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

/* Short strings over two letters and one high byte, so that equal prefixes are common. */
static void random_string(char *s)
{
	int n = rand() % 8;

	for (int i = 0; i < n; i++)
		s[i] = "ab\xe4"[rand() % 3];
	s[n] = '\0';
}

static void test_strings(void **state)
{
	char a[8], b[8];

	(void)state;
	for (int round = 0; round < 100000; round++) {
		size_t n = (size_t)rand() % 8;

		memset(a, 0, sizeof(a));
		memset(b, 0, sizeof(b));
		random_string(a);
		random_string(b);
		assert_int_equal(stub_strlen(a), strlen(a));
		assert_int_equal(sign(stub_strcmp(a, b)), sign(strcmp(a, b)));
		assert_int_equal(sign(stub_strncmp(a, b, n)), sign(strncmp(a, b, n)));
		assert_int_equal(sign(stub_memcmp(a, b, n)), sign(memcmp(a, b, n)));
		assert_ptr_equal(stub_strchr(a, 'b'), strchr(a, 'b'));
		assert_ptr_equal(stub_strchr(a, 0), strchr(a, 0));
		assert_ptr_equal(stub_strstr(a, b), strstr(a, b));
	}
}

static void test_atoi(void **state)
{
	(void)state;
	assert_int_equal(stub_atoi("1234x"), 1234);
	assert_int_equal(stub_atoi("-17"), -17);
	assert_int_equal(stub_atoi("+5"), 5);
	assert_int_equal(stub_atoi(""), 0);
}

#define SAME(...)                                              \
	do {                                                   \
		char ours[64], theirs[64];                     \
                                                               \
		print_to(ours, sizeof(ours), __VA_ARGS__);     \
		snprintf(theirs, sizeof(theirs), __VA_ARGS__); \
		assert_string_equal(ours, theirs);             \
	} while (0)

static void test_print(void **state)
{
	(void)state;
	SAME("plain");
	SAME("%s|%c|%%", "text", 'x');
	SAME("%d %d %d", 0, -1, INT32_MIN);
	SAME("%u %x", UINT32_MAX, 0xdeadbeefu);
	SAME("%ld %lu %lx", INT64_MIN, UINT64_MAX, UINT64_MAX);
	SAME("%5d|%05d|%05d|%02x|%016lx", 42, 42, -42, 0xa, 0x1234ul);
}

static void test_print_is_cut_off(void **state)
{
	char *small = malloc(8); /* the sanitizer watches its end */

	(void)state;
	assert_int_equal(print_to(small, 8, "0123456789 %s", "more"), 7);
	assert_string_equal(small, "0123456");
	assert_int_equal(print_to(small, 1, "%u", 5u), 0);
	free(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_atoi),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_print_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
