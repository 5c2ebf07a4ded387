/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who gets the CPU, for how long: VMs that compute, flood, sleep and wake, in made-up time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cpu/timer.h"
#include "vm/turn.h"
#include "vm/vm.h"

#define US       10UL /* TSC ticks */
#define SLICE_US TURN_SLICE_US
#define COUNT    3

uint64_t tsc_khz = 1000 * US;
struct vm *vms[VM_MAX];
unsigned int vm_count;

static struct vm vm[COUNT];
static uint64_t ran_us[COUNT];

static int setup(void **state)
{
	(void)state;
	vm_count = COUNT;
	for (unsigned int i = 0; i < COUNT; i++) {
		vm[i] = (struct vm){ .id = i, .state = VM_RUNNING };
		vms[i] = &vm[i];
		ran_us[i] = 0;
	}
	turn_next(NULL, true); /* whatever the test before ran, all have paid the same now */
	return 0;
}

/* Turns of a slice each, in which VM `sender` causes so much work of the hypervisor too. */
static void slices(unsigned int turns, struct vm *sender, uint64_t work_us)
{
	struct vm *now = NULL;

	for (unsigned int i = 0; i < turns; i++) {
		now = turn_next(now, true);
		now->paid_tsc += SLICE_US * US;
		if (now == sender)
			turn_owe(now, work_us * US);
		ran_us[now->id] += SLICE_US;
	}
}

static void test_equal_ones_get_the_same(void **state)
{
	(void)state;
	slices(300, NULL, 0);
	for (unsigned int i = 0; i < COUNT; i++)
		assert_int_equal(ran_us[i], 100 * SLICE_US);
}

/* A slice of the flooder costs three: it gets a third of what the others get. */
static void test_work_for_its_frames_is_the_flooders(void **state)
{
	(void)state;
	slices(700, &vm[1], 2 * SLICE_US);
	assert_in_range(ran_us[1], 99 * SLICE_US, 101 * SLICE_US);
	assert_in_range(ran_us[0], 299 * SLICE_US, 301 * SLICE_US);
	assert_in_range(ran_us[2], 299 * SLICE_US, 301 * SLICE_US);
}

static void test_only_who_can_run(void **state)
{
	(void)state;
	vm[0].vcpu.halted = true;
	vm[1].frozen = true;
	assert_ptr_equal(turn_next(&vm[0], false), &vm[2]);
	vm[2].state = VM_KILLED;
	assert_null(turn_next(&vm[2], false));
	assert_null(turn_next(NULL, true));
}

/* It wakes up in the middle of another's slice, and does not wait for its end. */
static void test_who_slept_is_next(void **state)
{
	struct vm *now;

	(void)state;
	vm[0].vcpu.halted = true;
	slices(100, NULL, 0);
	now = turn_next(NULL, true);
	now->paid_tsc += SLICE_US * US / 2;
	assert_ptr_equal(turn_next(now, false), now);
	vm[0].vcpu.halted = false;
	assert_ptr_equal(turn_next(now, false), &vm[0]);
}

/* ... but it has not saved up the hundred slices. */
static void test_sleep_saves_up_little(void **state)
{
	(void)state;
	vm[0].vcpu.halted = true;
	slices(200, NULL, 0);
	vm[0].vcpu.halted = false;
	slices(30, NULL, 0);
	assert_in_range(ran_us[0], 10 * SLICE_US, 12 * SLICE_US);
}

/* However much comes for it: five slices for others, then one of its own. */
static void test_debt_is_bounded(void **state)
{
	(void)state;
	vm[2].vcpu.halted = true;
	for (unsigned int i = 0; i < 100; i++) {
		slices(1, NULL, 0);
		turn_owe(&vm[0], 10 * SLICE_US * US);
	}
	assert_in_range(ran_us[0], 16 * SLICE_US, 18 * SLICE_US);
}

/* Small differences do not make two VMs take turns all the time. */
static void test_slice_is_not_cut_for_little(void **state)
{
	(void)state;
	vm[1].paid_tsc += SLICE_US * US;
	assert_ptr_equal(turn_next(&vm[1], false), &vm[1]);
	vm[1].paid_tsc += US;
	assert_ptr_equal(turn_next(&vm[1], false), &vm[2]);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup(t, setup)
	const struct CMUnitTest tests[] = {
		T(test_equal_ones_get_the_same),
		T(test_work_for_its_frames_is_the_flooders),
		T(test_only_who_can_run),
		T(test_who_slept_is_next),
		T(test_sleep_saves_up_little),
		T(test_debt_is_bounded),
		T(test_slice_is_not_cut_for_little),
	};

	return cmocka_run_group_tests_name("turn", tests, NULL, NULL);
}
