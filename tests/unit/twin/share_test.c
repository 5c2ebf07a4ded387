/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns of guests and the driver VM at the transmit queue (R10). */
#include "twin/share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cpu/timer.h"

#define FRAME 1500

uint64_t tsc_khz = 1000;
static uint64_t now = 1;

uint64_t tsc_now(void)
{
	return now;
}

static int begin(void **state)
{
	(void)state;
	share_reset();
	return 0;
}

/* Guests send as long as they may; how many bytes. */
static uint64_t guests_send(void)
{
	uint64_t bytes = 0;

	while (share_guests_next()) {
		share_guests_sent(FRAME);
		bytes += FRAME;
	}
	return bytes;
}

static void test_r10_guests_stop_a_quantum_ahead(void **state)
{
	(void)state;
	assert_in_range(guests_send(), SHARE_QUANTUM, SHARE_QUANTUM + FRAME);
	assert_true(share_guests_wait());
	assert_false(share_guests_next());
}

static void test_r10_guests_go_on_behind_the_driver_vms_frames(void **state)
{
	(void)state;
	guests_send();
	assert_true(share_dvm_sent(2 * FRAME, true));
	assert_false(share_guests_wait());
	assert_in_range(guests_send(), FRAME, 3 * FRAME);
	assert_true(share_dvm_sent(FRAME, true));
	assert_false(share_dvm_sent(FRAME, true)); /* nobody waited any more */
}

/* Else guests would wait for frames that nobody has, until the turn is over. */
static void test_r10_a_turn_is_no_longer_than_its_frames(void **state)
{
	(void)state;
	while (share_guests_next())
		share_guests_sent(FRAME);
	share_guests_sent(FRAME);
	assert_false(share_dvm_sent(60, true));
	assert_true(share_guests_wait());
	assert_true(share_dvm_sent(60, false));
	assert_false(share_guests_wait());
	assert_in_range(guests_send(), SHARE_QUANTUM, SHARE_QUANTUM + FRAME);
}

/* Whatever the size of its bursts, both come to the same. */
static void test_r10_both_get_the_same(void **state)
{
	uint64_t guests = 0, dvm = 0;

	(void)state;
	srand(1);
	for (int i = 0; i < 10000; i++) {
		uint32_t burst = rand() % (SHARE_CREDIT / 2);

		guests += guests_send();
		share_dvm_sent(burst, true);
		dvm += burst;
	}
	assert_in_range(guests, dvm / 10 * 9, dvm / 9 * 10);
}

static void test_r10_turn_that_is_not_used_ends(void **state)
{
	(void)state;
	guests_send();
	now += us_to_tsc(SHARE_TURN_US) - 1;
	assert_false(share_guests_next());
	now++;
	assert_false(share_guests_wait());
	assert_true(guests_send() >= SHARE_CREDIT); /* and the next one is far off */
	share_dvm_sent(100 * SHARE_CREDIT, true);
	assert_true(guests_send() <= SHARE_CREDIT + SHARE_QUANTUM + FRAME);
}

static void test_r10_nothing_is_owed_when_nobody_waits(void **state)
{
	(void)state;
	guests_send();
	share_reset();
	assert_false(share_guests_wait());
	assert_in_range(guests_send(), SHARE_QUANTUM, SHARE_QUANTUM + FRAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_r10_guests_stop_a_quantum_ahead, begin),
		cmocka_unit_test_setup(test_r10_guests_go_on_behind_the_driver_vms_frames, begin),
		cmocka_unit_test_setup(test_r10_a_turn_is_no_longer_than_its_frames, begin),
		cmocka_unit_test_setup(test_r10_both_get_the_same, begin),
		cmocka_unit_test_setup(test_r10_turn_that_is_not_used_ends, begin),
		cmocka_unit_test_setup(test_r10_nothing_is_owed_when_nobody_waits, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
