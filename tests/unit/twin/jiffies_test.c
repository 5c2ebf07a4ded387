/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jiffies for the twin (R10): carried on while the driver VM sleeps, never backward. */
#include "twin/jiffies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/errno.h"

#define KHZ    1000000 /* 1 GHz */
#define HZ     250
#define TICK   4000000UL /* TSC ticks in one of the kernel's */
#define NEARLY 0xfffffffffffffff0UL

static struct jiffies j;

static int begin(void **state)
{
	(void)state;
	return jiffies_start(&j, KHZ, HZ);
}

static void test_r10_ticks_go_on_while_the_driver_vm_sleeps(void **state)
{
	(void)state;
	assert_int_equal(jiffies_at(&j, 1000, 0), 1000);
	assert_int_equal(jiffies_at(&j, 1000, TICK - 1), 1000);
	assert_int_equal(jiffies_at(&j, 1000, TICK), 1001);
	assert_int_equal(jiffies_at(&j, 1000, 500 * TICK + 1), 1500);
}

static void test_r10_never_behind_the_driver_vm(void **state)
{
	(void)state;
	assert_int_equal(jiffies_at(&j, 1000, 3 * TICK), 1003);
	assert_int_equal(jiffies_at(&j, 2000, 0), 2000);
	assert_int_equal(jiffies_at(&j, 2001, 0), 2001);
}

/* It was entered again and has not ticked yet: its variable is older than what the twin saw. */
static void test_r10_never_backward(void **state)
{
	(void)state;
	assert_int_equal(jiffies_at(&j, 1000, 10 * TICK), 1010);
	assert_int_equal(jiffies_at(&j, 1000, 0), 1010);
	assert_int_equal(jiffies_at(&j, 1009, TICK - 1), 1010);
	assert_int_equal(jiffies_at(&j, 1011, 0), 1011);
}

/* The kernel starts 5 minutes before the wrap of 32 bits; of 64 bits it must be right as well. */
static void test_r10_wraps_as_the_kernel_does(void **state)
{
	(void)state;
	assert_true(jiffies_at(&j, NEARLY, 0) == NEARLY);
	assert_int_equal(jiffies_at(&j, NEARLY, 0x20 * TICK), 0x10);
	assert_int_equal(jiffies_at(&j, NEARLY, 0x1f * TICK), 0x10);
	assert_int_equal(jiffies_at(&j, 0x11, 0), 0x11);
}

/* A driver VM that was started anew counts from anywhere. */
static void test_r10_starts_anew_at_each_attach(void **state)
{
	(void)state;
	assert_int_equal(jiffies_at(&j, 100000, 0), 100000);
	assert_int_equal(jiffies_start(&j, KHZ, HZ), 0);
	assert_int_equal(jiffies_at(&j, 5, 0), 5);
}

static void test_r10_rates_of_no_kernel(void **state)
{
	(void)state;
	assert_int_equal(jiffies_start(&j, KHZ, 0), -EINVAL);
	assert_int_equal(jiffies_start(&j, KHZ, JIFFIES_HZ_MAX + 1), -EINVAL);
	assert_int_equal(jiffies_start(&j, 0, HZ), -EINVAL);
	assert_int_equal(jiffies_start(&j, KHZ, JIFFIES_HZ_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_r10_ticks_go_on_while_the_driver_vm_sleeps, begin),
		cmocka_unit_test_setup(test_r10_never_behind_the_driver_vm, begin),
		cmocka_unit_test_setup(test_r10_never_backward, begin),
		cmocka_unit_test_setup(test_r10_wraps_as_the_kernel_does, begin),
		cmocka_unit_test_setup(test_r10_starts_anew_at_each_attach, begin),
		cmocka_unit_test_setup(test_r10_rates_of_no_kernel, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
