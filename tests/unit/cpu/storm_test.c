/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When the owner of a pin that fires without end has to wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cpu/storm.h"
#include "cpu/timer.h"
#include "debug/log.h"
#include "debug/stats.h"

#define US  10UL /* TSC ticks */
#define PIN 11
#define ROW 16

uint64_t tsc_khz = 1000 * US;

static uint64_t now = 5000;
static struct timer *armed;
static unsigned int released, told;

uint64_t tsc_now(void)
{
	return now;
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
	timer->deadline = deadline;
	armed = timer;
}

void log_warn(const char *fmt, ...)
{
	(void)fmt;
	told++;
}

void json_u64(const char *key, uint64_t value)
{
	(void)key;
	(void)value;
}

static void release(unsigned int pin)
{
	assert_int_equal(pin, PIN);
	released++;
}

/* Opened, VMs run for so long, it fires. */
static bool fires_after(uint64_t us)
{
	storm_opened(PIN);
	now += us * US;
	storm_open_tsc += us * US;
	return storm_holds(PIN, release);
}

static void until_released(void)
{
	struct timer *timer = armed;

	assert_non_null(timer);
	assert_int_equal(timer->deadline, now + 1000 * US);
	now = timer->deadline;
	storm_open_tsc += 1000 * US; /* VMs had that time */
	armed = NULL;
	timer->deadline = 0;
	timer->fire(timer);
}

static int setup(void **state)
{
	(void)state;
	fires_after(1000);
	armed = NULL;
	released = 0;
	storm_counts = (struct storm_counts){ 0 };
	return 0;
}

static void test_r18_stuck_pin_is_polled(void **state)
{
	(void)state;
	for (int i = 0; i < ROW - 1; i++)
		assert_false(fires_after(3));
	for (unsigned int i = 0; i < 5; i++) {
		assert_true(fires_after(3));
		assert_int_equal(released, i);
		until_released();
		assert_int_equal(released, i + 1);
	}
	assert_int_equal(storm_counts.held, 5);
	assert_int_equal(storm_counts.longest, ROW + 4);
	assert_int_equal(told, 1);
	/* It stayed quiet for a moment: as before. */
	assert_false(fires_after(60));
	for (int i = 0; i < ROW - 1; i++)
		assert_false(fires_after(3));
	assert_true(fires_after(3));
	assert_int_equal(told, 1);
}

static void test_busy_pin_is_not_held(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_false(fires_after(i % ROW ? 0 : 60));
	assert_int_equal(storm_counts.held, 0);
	assert_null(armed);
}

/* However quick the machine is: each interrupt had frames to move. */
static void test_busy_card_is_not_held_on_a_quick_machine(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_false(fires_after(3));
		storm_worked(PIN);
	}
	assert_int_equal(storm_counts.held, 0);
}

/* Frames that come while the line is stuck end no storm for longer than a row. */
static void test_r18_stuck_pin_with_work_now_and_then_is_polled(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		storm_worked(PIN);
		for (int k = 0; k < ROW - 1; k++)
			assert_false(fires_after(3));
		assert_true(fires_after(3));
		until_released();
	}
	assert_int_equal(storm_counts.held, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_r18_stuck_pin_is_polled, setup),
		cmocka_unit_test_setup(test_busy_pin_is_not_held, setup),
		cmocka_unit_test_setup(test_busy_card_is_not_held_on_a_quick_machine, setup),
		cmocka_unit_test_setup(test_r18_stuck_pin_with_work_now_and_then_is_polled, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
