/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The judge's arithmetic is sound: for random facts and random values that they describe, the
 * result of an operation on the values is described by the result on the facts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drivers/verify/fact.h"
#include "tests/fuzz/random.h"

#define ROUNDS 400000

/* Small, large and odd magnitudes alike. */
static int64_t some(void)
{
	int64_t v = (int64_t)(rnd() >> (rnd() & 63));

	return rnd() & 1 ? v : -v;
}

static int64_t between(int64_t lo, int64_t hi)
{
	uint64_t span = (uint64_t)hi - (uint64_t)lo;
	uint64_t pick = rnd() & 3;

	if (pick == 0)
		return lo;
	if (pick == 1)
		return hi;
	return (int64_t)((uint64_t)lo + (span == UINT64_MAX ? rnd() : rnd() % (span + 1)));
}

static struct fact some_fact(void)
{
	int64_t a = some(), b = rnd() & 3 ? some() : a;
	int64_t lo = a < b ? a : b, hi = a < b ? b : a;

	switch (rnd() & 3) {
	case 0:
		return fact_any();
	case 1:
		return fact_pointer(lo >> 23, hi >> 23);
	default:
		return fact_number(lo, hi);
	}
}

/* A value that the fact describes. */
static uint64_t member(struct fact f)
{
	if (f.kind == FACT_ANY)
		return rnd();
	if (f.kind == FACT_NUMBER)
		return (uint64_t)between(f.lo, f.hi);
	return (rnd() | 1ull << 47) + (uint64_t)between(f.lo, f.hi);
}

/* Does the fact describe v? A pointer does if some g = v - n has bit 47. */
static bool describes(struct fact f, uint64_t v)
{
	if (f.kind == FACT_ANY)
		return true;
	if (f.kind == FACT_NUMBER)
		return (int64_t)v >= f.lo && (int64_t)v <= f.hi;
	/* A range shorter than 2^47 meets the set of pointers if one of its ends does. */
	return (v - (uint64_t)f.lo) >> 47 & 1 || (v - (uint64_t)f.hi) >> 47 & 1;
}

static uint64_t low(uint64_t v, unsigned size)
{
	return size == 8 ? v : v & ((1ull << (8 * size)) - 1);
}

static uint64_t sign(uint64_t v, unsigned size)
{
	unsigned by = 64 - 8 * size;

	return (uint64_t)((int64_t)(v << by) >> by);
}

static void test_two_operands(void **state)
{
	(void)state;
	for (unsigned n = 0; n < ROUNDS; n++) {
		struct fact a = some_fact(), b = some_fact(), j = a;
		uint64_t x = member(a), y = member(b);

		assert_true(describes(a, x) && describes(b, y));
		assert_true(describes(fact_add(a, b), x + y));
		assert_true(describes(fact_sub(a, b), x - y));
		assert_true(describes(fact_mul(a, b), x * y));
		assert_true(describes(fact_and(a, b), x & y));
		fact_join(&j, b, n & 1);
		assert_true(describes(j, x) && describes(j, y));
	}
}

static void test_one_operand(void **state)
{
	(void)state;
	for (unsigned n = 0; n < ROUNDS; n++) {
		struct fact a = some_fact();
		uint64_t x = member(a);
		unsigned by = rnd() & 63, size = 1u << (rnd() & 3);

		assert_true(describes(fact_low(a, size), low(x, size)));
		assert_true(describes(fact_sign(a, size), sign(x, size)));
		assert_true(describes(fact_shl(a, by), x << by));
		assert_true(describes(fact_shr(a, by), x >> by));
		assert_true(describes(fact_sar(a, by), (uint64_t)((int64_t)x >> by)));
		assert_true(describes(fact_blur(a, true), (x & ~0xffull) | (rnd() & 0xff)));
		assert_true(describes(fact_blur(a, false), (x & ~0xffffull) | (rnd() & 0xffff)));
	}
}

/* R1, R2: what may be accessed lies, in its low 48 bits, in the upper half or in an empty TiB. */
static void test_accessible(void **state)
{
	const uint64_t reach = 1ull << 40, half = 1ull << 47, mask = 2 * half - 1;
	unsigned accessible = 0;

	(void)state;
	for (unsigned n = 0; n < ROUNDS; n++) {
		struct fact a = some_fact();
		unsigned size = 1u << (rnd() & 3);
		uint64_t x = member(a) & mask;

		if (!fact_accessible(a, size))
			continue;
		accessible++;
		assert_true(x >= half - reach || x + size <= reach);
	}
	assert_true(accessible > ROUNDS / 20);
}

/* Joining again and again comes to an end. */
static void test_widening_ends(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 2000; n++) {
		struct fact a = some_fact();
		unsigned changes = 0;

		for (unsigned k = 0; k < 4000; k++)
			changes += fact_join(&a, some_fact(), true);
		assert_true(changes <= 200);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_operands),
		cmocka_unit_test(test_one_operand),
		cmocka_unit_test(test_accessible),
		cmocka_unit_test(test_widening_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
