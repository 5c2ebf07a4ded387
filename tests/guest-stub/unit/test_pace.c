/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pacing: the average is the rate asked for, over short and very long runs, and whatever the
 * wake-up times.
 */
#include "apps/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

uint64_t clock_us(void);

static uint64_t now_us;

uint64_t clock_us(void)
{
	return now_us;
}

/* As a generator does it: send what is owed, look again when told to, now and then late. */
static uint64_t run_until(struct pace *p, uint64_t end_us)
{
	uint64_t sent = 0;

	while (now_us < end_us) {
		uint64_t owed = pace_owed(p, now_us, sent), next;

		assert_true(owed <= PACE_BATCH);
		sent += owed;
		next = pace_next_us(p, now_us, sent);
		if (pace_owed(p, now_us, sent))
			assert_int_equal(next, now_us);
		else
			assert_true(next >= now_us + PACE_US);
		now_us = next > now_us && rand() % 10 == 0 ? next + (uint64_t)rand() % 5000 : next;
	}
	now_us = end_us;
	while (pace_owed(p, now_us, sent))
		sent += pace_owed(p, now_us, sent);
	return sent;
}

static void test_rate(void **state)
{
	static const uint64_t rates[] = { 1000, 1000000, 20000000, 1000000000 };

	(void)state;
	srand(3);
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct pace p;

		now_us = 12345;
		pace_start(&p, rates[i], 1250); /* 10,000 bits */
		assert_int_equal(pace_owed(&p, now_us, 0), 1);
		assert_int_equal(run_until(&p, now_us + 20000000), 1 + rates[i] * 20 / 10000);
	}
}

static void test_a_day_at_the_highest_rate(void **state)
{
	uint64_t due = 1 + 86400ull * 10000000;
	struct pace p;

	(void)state;
	now_us = 0;
	pace_start(&p, 100000000000, 1250);
	assert_int_equal(pace_owed(&p, 86400000000, due - 1), 1);
	assert_int_equal(pace_owed(&p, 86400000000, due), 0);
}

static void test_no_limit(void **state)
{
	struct pace p;

	(void)state;
	pace_start(&p, 0, 1500);
	assert_int_equal(pace_owed(&p, now_us, 1000000), PACE_BATCH);
	assert_int_equal(pace_next_us(&p, 77, 1000000), 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_a_day_at_the_highest_rate),
		cmocka_unit_test(test_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
