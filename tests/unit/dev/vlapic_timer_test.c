/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The local APIC's timer in its three modes, on a clock that moves by hand. */
#include "vlapic_msr.h"

static void tsc_deadline(void **state)
{
	(void)state;
	wr(DEADLINE, fake_tsc + 100); /* ignored in another mode */
	assert_int_equal(rd(DEADLINE), 0);
	assert_false(fake_timer_armed());
	wr(LVTT, BY_TSC | 0xec);
	fake_vm.vcpu.halted = true;
	wr(DEADLINE, fake_tsc + 1000);
	assert_int_equal(rd(DEADLINE), fake_tsc + 1000);
	fake_time_pass(999);
	assert_int_equal(take(), -1);
	assert_true(fake_vm.vcpu.halted);
	fake_time_pass(1);
	assert_false(fake_vm.vcpu.halted);
	assert_int_equal(rd(DEADLINE), 0);
	assert_int_equal(take(), 0xec);
	wr(EOI, 0);
	fake_time_pass(1000000);
	assert_int_equal(take(), -1);
	assert_int_equal(apic->timer_irqs, 1);
}

static void tsc_deadline_past_and_changed(void **state)
{
	(void)state;
	wr(LVTT, BY_TSC | 0xec);
	wr(DEADLINE, 1); /* long gone: at once */
	assert_int_equal(take(), 0xec);
	wr(EOI, 0);
	wr(DEADLINE, fake_tsc + 100);
	wr(DEADLINE, fake_tsc + 500); /* moves it */
	fake_time_pass(499);
	assert_int_equal(take(), -1);
	wr(DEADLINE, 0); /* disarms */
	fake_time_pass(10);
	assert_int_equal(take(), -1);
	wr(DEADLINE, fake_tsc + 100);
	wr(INITIAL, 1000); /* ignored in this mode */
	assert_int_equal(rd(INITIAL), 0);
	assert_int_equal(rd(CURRENT), 0);
	wr(LVTT, ONE_SHOT | 0xec); /* leaving the mode disarms */
	assert_false(fake_timer_armed());
	fake_time_pass(1000);
	assert_int_equal(take(), -1);
}

static void masked_timer_is_silent(void **state)
{
	(void)state;
	wr(LVTT, MASKED | BY_TSC | 0xec);
	wr(DEADLINE, fake_tsc + 100);
	fake_time_pass(200);
	assert_int_equal(take(), -1);
	assert_int_equal(rd(DEADLINE), 0);
	assert_int_equal(apic->timer_irqs, 0);
}

static void one_shot(void **state)
{
	static const uint8_t code[] = { 0xb, 0, 1, 2, 3, 8, 9, 0xa };

	(void)state;
	wr(LVTT, ONE_SHOT | 0x50);
	for (unsigned int i = 0; i < ARRAY_SIZE(code); i++) { /* divide by 1, 2, 4 ... 128 */
		uint64_t unit = 16UL << i;

		wr(DIVIDE, code[i]);
		wr(INITIAL, 100);
		assert_int_equal(rd(CURRENT), 100);
		fake_time_pass(40 * unit);
		assert_int_equal(rd(CURRENT), 60);
		assert_int_equal(rd(INITIAL), 100);
		fake_time_pass(60 * unit - 1);
		assert_int_equal(take(), -1);
		fake_time_pass(1);
		assert_int_equal(take(), 0x50);
		wr(EOI, 0);
		assert_int_equal(rd(CURRENT), 0);
		fake_time_pass(1000 * unit);
		assert_int_equal(take(), -1);
	}
	wr(INITIAL, 100);
	wr(INITIAL, 0); /* stops */
	assert_false(fake_timer_armed());
}

static void periodic(void **state)
{
	(void)state;
	wr(DIVIDE, 0xb);
	wr(LVTT, PERIODIC | 0x50);
	wr(INITIAL, 62500); /* 1 ms */
	for (int i = 0; i < 5; i++) {
		fake_time_pass(999999);
		assert_int_equal(take(), -1);
		fake_time_pass(1);
		assert_int_equal(take(), 0x50);
		wr(EOI, 0);
	}
	/*
	 * The VM did not run for 10 periods: one interrupt, then the old beat or a later one, never
	 * a burst.
	 */
	fake_tsc += 10500000;
	fake_time_pass(0);
	assert_int_equal(take(), 0x50);
	wr(EOI, 0);
	fake_time_pass(0);
	assert_int_equal(take(), -1);
	fake_time_pass(1000000);
	assert_int_equal(take(), 0x50);
	wr(EOI, 0);
	fake_vm.state = VM_KILLED;
	fake_time_pass(1000000);
	assert_false(fake_timer_armed()); /* a dead VM costs nothing */
}

static void short_period_is_bounded(void **state)
{
	(void)state;
	wr(DIVIDE, 0xb);
	wr(LVTT, PERIODIC | 0x50);
	wr(INITIAL, 1);
	fake_time_pass(1000000); /* 1 ms */
	assert_in_range(apic->timer_irqs, 1, 5);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(tsc_deadline),
		T(tsc_deadline_past_and_changed),
		T(masked_timer_is_silent),
		T(one_shot),
		T(periodic),
		T(short_period_is_bounded),
	};

	return cmocka_run_group_tests_name("vlapic_timer", tests, NULL, NULL);
}
