/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Timers, and the clock that does not count when the machine stood still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cpu/lapic.h"
#include "cpu/timer.h"
#include "cpu/x86.h"

#define MS 1000UL /* TSC ticks */

uint64_t tsc_khz = MS;

static uint64_t now = 1000000, programmed;
static unsigned int fired;

uint64_t rdtsc(void)
{
	return now;
}

void lapic_timer(uint64_t tsc_ticks)
{
	programmed = tsc_ticks;
}

void lapic_timer_came(void)
{
}

static void fire(struct timer *timer)
{
	(void)timer;
	fired++;
}

static struct timer timer = { .fire = fire }, other = { .fire = fire };

static int setup(void **state)
{
	(void)state;
	timer_cancel(&timer);
	timer_cancel(&other);
	timer_run(); /* a turn begins */
	fired = 0;
	return 0;
}

static void test_due_ones_fire(void **state)
{
	(void)state;
	timer_arm(&timer, now + 5 * MS);
	assert_int_equal(programmed, 5 * MS);
	now += 4 * MS;
	assert_false(timer_run());
	assert_int_equal(fired, 0);
	timer_irq(); /* of one that was cancelled meanwhile */
	assert_false(timer_run());
	now += MS;
	assert_true(timer_run());
	assert_int_equal(fired, 1);
	assert_int_equal(timer.deadline, 0);
}

/* Turns of any length that end when a timer is due, or soon after. */
static void test_steady_clock_runs(void **state)
{
	uint64_t start = steady_now(), begin = now;

	(void)state;
	for (int i = 0; i < 10; i++) {
		timer_arm(&timer, now + 4 * MS);
		now += 3 * MS;
		assert_int_equal(steady_now() - start, now - begin);
		now += 2 * MS;
		timer_run();
		timer_arm(&timer, now + 700 * MS); /* idle for long */
		now += 701 * MS;
		timer_run();
		assert_int_equal(steady_now() - start, now - begin);
	}
}

static void test_r18_steady_clock_leaves_out_when_the_machine_stood(void **state)
{
	uint64_t start = steady_now();

	(void)state;
	timer_arm(&timer, now + 4 * MS);
	now += 6000 * MS;
	assert_int_equal(steady_now() - start, 104 * MS);
	timer_run();
	assert_int_equal(steady_now() - start, 104 * MS);
	/* One that was late before the turn allows it no more. */
	timer_arm(&timer, now - 50 * MS);
	now += 6000 * MS;
	timer_run();
	assert_int_equal(steady_now() - start, 204 * MS);
}

/* A nearer timer that is set late in a long turn says less than was told before. */
static void test_steady_clock_never_turns_back(void **state)
{
	uint64_t told;

	(void)state;
	timer_arm(&timer, now + 1000 * MS);
	now += 900 * MS;
	told = steady_now();
	timer_arm(&other, now - 800 * MS);
	assert_int_equal(steady_now(), told);
	timer_run();
	assert_int_equal(steady_now(), told);
	now += MS;
	assert_int_equal(steady_now(), told + MS);
}

static void test_without_a_timer_all_of_it_counts(void **state)
{
	uint64_t start = steady_now();

	(void)state;
	now += 3000 * MS;
	timer_run();
	assert_int_equal(steady_now() - start, 3000 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_due_ones_fire, setup),
		cmocka_unit_test_setup(test_steady_clock_runs, setup),
		cmocka_unit_test_setup(test_r18_steady_clock_leaves_out_when_the_machine_stood,
				       setup),
		cmocka_unit_test_setup(test_steady_clock_never_turns_back, setup),
		cmocka_unit_test_setup(test_without_a_timer_all_of_it_counts, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
