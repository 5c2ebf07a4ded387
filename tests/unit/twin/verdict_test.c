/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The judge is asked again whenever anything that it looks at is another (R7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/verify/verify.h"
#include "mem/phys.h"
#include "twin/verdict.h"

static unsigned int asked;
static bool answer;

bool verify_blob(const struct verify_input *in, struct verify_result *res)
{
	(void)in;
	asked++;
	*res = (struct verify_result){ .instructions = asked };
	return answer;
}

static void *memory;

void *phys_alloc_hv(uint64_t len)
{
	free(memory);
	memory = calloc(1, len);
	return memory;
}

static uint8_t code[64];
static uint32_t entries[3], traps[2];
static struct verify_target targets[2];

static struct verify_input input(void)
{
	return (struct verify_input){ .code = code,
				      .base = 0x1000,
				      .size = sizeof(code),
				      .entries = entries,
				      .nr_entries = 3,
				      .traps = traps,
				      .nr_traps = 2,
				      .targets = targets,
				      .nr_targets = 2,
				      .gs_size = 4096,
				      .stack_limit = 4096,
				      .second_stack = 1 };
}

/* Whether the judge was asked for this input. */
static bool judged(const struct verify_input *in)
{
	unsigned int before = asked;
	struct verify_result res;
	bool known;

	assert_int_equal(verdict_of(in, &res, &known), answer);
	assert_int_equal(known, asked == before);
	return asked != before;
}

/* The changed input is judged; the original, which it has displaced, too; and then it is known. */
static void expect_judged(const struct verify_input *changed)
{
	struct verify_input in = input();

	assert_true(judged(changed));
	assert_true(judged(&in));
	assert_false(judged(&in));
}

static void test_r7_other_numbers_are_judged(void **state)
{
	struct verify_input in = input(), other;

	(void)state;
	answer = true;
	judged(&in);
#define WITH(field, value)             \
	do {                           \
		other = input();       \
		other.field = value;   \
		expect_judged(&other); \
	} while (0)
	WITH(base, 0x2000);
	WITH(size, sizeof(code) - 1);
	WITH(nr_entries, 2);
	WITH(nr_traps, 1);
	WITH(nr_targets, 1);
	WITH(gs_size, 2048);
	WITH(stack_limit, 2048);
	WITH(second_stack, 2);
	WITH(strict, true);
	WITH(lookups, true);
	WITH(disabled, 1);
#undef WITH
}

/* Each byte of what the input points to. */
static void change_each_byte(void *of, size_t bytes)
{
	struct verify_input in = input();
	uint8_t *p = of;

	for (size_t i = 0; i < bytes; i++) {
		assert_false(judged(&in));
		p[i] ^= 1;
		assert_true(judged(&in));
		p[i] ^= 1;
		assert_true(judged(&in));
	}
}

static void test_r7_other_bytes_are_judged(void **state)
{
	struct verify_input in = input();

	(void)state;
	answer = true;
	judged(&in);
	change_each_byte(code, sizeof(code));
	change_each_byte(entries, sizeof(entries));
	change_each_byte(traps, sizeof(traps));
	change_each_byte(targets, sizeof(targets));
}

/* A refusal is not remembered, and it ends what was remembered. */
static void test_r7_refused_is_judged_again(void **state)
{
	struct verify_input in = input();

	(void)state;
	answer = true;
	judged(&in);
	code[0]++;
	answer = false;
	assert_true(judged(&in));
	assert_true(judged(&in));
	code[0]--;
	answer = true;
	assert_true(judged(&in));
}

/* What does not fit is judged each time. */
static void test_large_is_not_remembered(void **state)
{
	static uint8_t large[VERDICT_CODE_MAX + 1];
	struct verify_input in = input();

	(void)state;
	answer = true;
	in.code = large;
	in.size = sizeof(large);
	assert_true(judged(&in));
	assert_true(judged(&in));
}

static void test_r7_changed_code_is_found(void **state)
{
	struct verify_input in = input();

	(void)state;
	answer = true;
	judged(&in);
	assert_int_equal(verdict_differs(code, sizeof(code)), sizeof(code));
	for (uint32_t at = 0; at < sizeof(code); at += 21) {
		code[at] ^= 4;
		assert_int_equal(verdict_differs(code, sizeof(code)), at);
		code[at] ^= 4;
	}
	/* Another size is another twin, of which nothing is known. */
	assert_int_equal(verdict_differs(code, sizeof(code) - 1), sizeof(code) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_r7_changed_code_is_found),
		cmocka_unit_test(test_r7_other_numbers_are_judged),
		cmocka_unit_test(test_r7_other_bytes_are_judged),
		cmocka_unit_test(test_r7_refused_is_judged_again),
		cmocka_unit_test(test_large_is_not_remembered),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	free(memory);
	return rc;
}
