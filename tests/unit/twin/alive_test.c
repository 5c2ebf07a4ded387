/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Castor's signs of life, and its work (R20), in made-up time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cpu/timer.h"
#include "twin/alive.h"
#include "twin/castor.h"
#include "vm/vm.h"

#define S 1000000UL /* TSC ticks a second */

uint64_t tsc_khz = S / 1000;
static uint64_t now, others; /* all of the time; of it, other VMs' */
static struct vm dvm;
static unsigned int questions;

uint64_t tsc_now(void)
{
	return now;
}

uint64_t steady_at(uint64_t at)
{
	return at;
}

uint64_t vm_time(const struct vm *vm)
{
	(void)vm;
	return now - others;
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
	timer->deadline = deadline;
}

void castor_raise(uint32_t bits)
{
	questions += bits == CASTOR_EVENT_ALIVE;
}

static int setup(void **state)
{
	(void)state;
	dvm = (struct vm){ .run_tsc = 7 * S }; /* it ran before castor was loaded */
	others = 0;
	questions = 0;
	alive_begin(&dvm);
	return 0;
}

/* Seconds in which the VM computes, sleeps, or waits for its turn. */
enum doing { RUNS, SLEEPS, STARVES };

static enum alive_verdict pass(unsigned int seconds, enum doing doing, bool answers)
{
	enum alive_verdict v = ALIVE_HEARD;

	for (unsigned int i = 0; i < seconds * 10 && v == ALIVE_HEARD; i++) {
		unsigned int before = questions;

		now += S / 10;
		dvm.run_tsc += doing == RUNS ? S / 10 : 0;
		others += doing == STARVES ? S / 10 : 0;
		dvm.vcpu.halted = doing == SLEEPS;
		v = alive_look();
		if (answers && questions != before)
			alive_sign();
	}
	return v;
}

static void test_signs_of_life(void **state)
{
	(void)state;
	assert_int_equal(pass(60, RUNS, true), ALIVE_HEARD);
	assert_in_range(questions, 40, 60);
	assert_int_equal(pass(600, SLEEPS, true), ALIVE_HEARD);
	assert_int_equal(pass(5, RUNS, false), ALIVE_HEARD);
	assert_int_equal(pass(2, RUNS, false), ALIVE_STARVED);
	setup(NULL);
	assert_int_equal(pass(14, SLEEPS, false), ALIVE_HEARD);
	assert_int_equal(pass(3, SLEEPS, false), ALIVE_GONE);
	setup(NULL);
	assert_int_equal(pass(600, STARVES, false), ALIVE_HEARD); /* not its fault */
}

/* The VM lives, and castor's work does not end. */
static void test_work_without_an_end(void **state)
{
	(void)state;
	alive_work();
	assert_int_equal(pass(ALIVE_WORK_S - 1, SLEEPS, true), ALIVE_HEARD);
	alive_work(); /* one more wish makes the first no younger */
	assert_int_equal(pass(2, SLEEPS, true), ALIVE_STUCK);
	setup(NULL);
	alive_work();
	assert_int_equal(pass(ALIVE_WORK_S - 1, RUNS, true), ALIVE_HEARD);
	assert_int_equal(pass(2, RUNS, true), ALIVE_STUCK);
}

static void test_work_that_ends(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		alive_work();
		assert_int_equal(pass(ALIVE_WORK_S - 1, i % 2 ? RUNS : SLEEPS, true), ALIVE_HEARD);
		alive_work_done();
	}
	assert_int_equal(pass(600, SLEEPS, true), ALIVE_HEARD);
	alive_work();
	assert_int_equal(pass(600, STARVES, true), ALIVE_HEARD);
}

/* What another life was asked for is nobody's any more; without castor nobody is asked. */
static void test_without_castor(void **state)
{
	(void)state;
	alive_work();
	alive_begin(NULL);
	alive_work();
	questions = 0;
	assert_int_equal(pass(600, RUNS, false), ALIVE_HEARD);
	assert_int_equal(questions, 0);
	alive_begin(&dvm);
	assert_int_equal(pass(600, RUNS, true), ALIVE_HEARD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_signs_of_life, setup),
		cmocka_unit_test_setup(test_work_without_an_end, setup),
		cmocka_unit_test_setup(test_work_that_ends, setup),
		cmocka_unit_test_setup(test_without_castor, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
