/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that stand still (R19, R20): who is taken for stuck, and who never is. */
#include "twin/stuck.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define LONG 100000 /* looks: a day */

static struct stuck_sight s;
static const char *what;

static int begin(void **state)
{
	(void)state;
	s = (struct stuck_sight){ .started = true, .link = true, .ended = 1000, .received = 1000 };
	stuck_forget();
	stuck_attached();
	stuck_look(&s, &what);
	stuck_counts = (struct stuck_counts){ 0 };
	what = NULL;
	return 0;
}

static enum stuck_verdict look(void)
{
	return stuck_look(&s, &what);
}

/* Looks until a verdict that is not STUCK_NO; 0: none in so many. */
static unsigned int looks_until(enum stuck_verdict v, unsigned int most)
{
	for (unsigned int n = 1; n <= most; n++) {
		enum stuck_verdict now = look();

		if (now != STUCK_NO) {
			assert_int_equal(now, v);
			return n;
		}
	}
	return 0;
}

static void never(unsigned int looks)
{
	assert_int_equal(looks_until(STUCK_NO, looks), 0);
}

/* Frames are always on their way, and the ring is empty at each look by chance. */
static void test_r19_load_is_not_stuck(void **state)
{
	(void)state;
	s.waits = s.deaf = true;
	for (unsigned int i = 0; i < LONG; i++) {
		s.ended += i % STUCK_LOOKS == 0; /* a slow one, even */
		s.received += i % STUCK_LOOKS == 0;
		assert_int_equal(look(), STUCK_NO);
	}
}

static void test_r19_quiet_wire_is_not_stuck(void **state)
{
	(void)state;
	never(LONG);
	s.head = 5;
	s.tail = 4;
	s.received += 5;
	never(LONG);
}

/* Once in a while a look finds the last buffer used up, just before the driver brings new ones. */
static void test_r19_ring_that_is_filled_again_is_not_stuck(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < LONG; i++) {
		s.deaf = i % 2;
		assert_int_equal(look(), STUCK_NO);
	}
}

/* One frame now and then is on its way at each look: it is completed before the next one. */
static void test_r19_few_frames_are_not_stuck(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < LONG; i++) {
		s.waits = i % 50 == 0;
		s.ended += i % 50 == 1;
		assert_int_equal(look(), STUCK_NO);
	}
}

/* Guests sent for nobody, no link, a peer that pauses, a driver that sets up: whatever waits. */
static void test_r19_who_may_not_send_is_not_stuck(void **state)
{
	(void)state;
	s.waits = s.deaf = true;
	s.started = false;
	never(STUCK_EXCUSED);
	s.started = true;
	s.link = false;
	never(LONG);
	s.link = true;
	s.busy = true;
	never(STUCK_EXCUSED);
	s.busy = false;
	s.deaf = false;
	s.paused = true;
	never(LONG);
}

/* Its data say for ever that it sets its card up. */
static void test_r19_driver_is_not_busy_for_ever(void **state)
{
	(void)state;
	s.waits = true;
	s.busy = true;
	assert_int_equal(looks_until(STUCK_TWIN, LONG), STUCK_EXCUSED + STUCK_LOOKS);
	stuck_attached();
	assert_int_equal(looks_until(STUCK_DVM, LONG), STUCK_EXCUSED + STUCK_LOOKS_AGAIN);
}

static void test_r19_interface_is_not_down_for_ever(void **state)
{
	(void)state;
	s.waits = true;
	s.started = false;
	assert_int_equal(looks_until(STUCK_TWIN, LONG), STUCK_EXCUSED + STUCK_LOOKS);
}

static void test_r19_driver_that_has_nothing_to_do_may_be_busy(void **state)
{
	(void)state;
	s.busy = true;
	never(LONG);
}

/* The link comes and goes every few seconds, and what waited moves while it is there. */
static void test_r19_flapping_link_is_not_stuck(void **state)
{
	(void)state;
	s.waits = true;
	for (unsigned int i = 0; i < LONG; i++) {
		s.link = i / 3 % 2;
		s.ended += s.link && i % 3 == 2;
		assert_int_equal(look(), STUCK_NO);
	}
}

/* A day without a link, and a first frame at once behind it. */
static void test_r19_first_look_with_a_link_tells_nothing(void **state)
{
	(void)state;
	s.waits = s.deaf = true;
	s.link = false;
	never(LONG);
	s.link = true;
	never(STUCK_LOOKS - 1);
	s.ended++;
	s.received++;
	never(STUCK_LOOKS);
}

static void test_r19_opening_begins_anew(void **state)
{
	(void)state;
	s.waits = true;
	never(STUCK_LOOKS - 1);
	s.started = false;
	never(1);
	s.started = true;
	assert_int_equal(looks_until(STUCK_TWIN, LONG), STUCK_LOOKS);
}

static void test_r19_transmit_stands_still(void **state)
{
	(void)state;
	s.waits = true;
	for (unsigned int i = 0; i < STUCK_LOOKS - 1; i++) {
		s.received++; /* the other way does not help */
		assert_int_equal(look(), STUCK_NO);
	}
	assert_int_equal(look(), STUCK_TWIN);
	assert_non_null(what);
	assert_int_equal(stuck_counts.transmit, 1);
	assert_int_equal(stuck_counts.receive + stuck_counts.dvm, 0);
}

static void test_r19_receive_stands_still(void **state)
{
	(void)state;
	s.deaf = true;
	for (unsigned int i = 0; i < STUCK_LOOKS - 1; i++) {
		s.ended++;
		assert_int_equal(look(), STUCK_NO);
	}
	assert_int_equal(look(), STUCK_TWIN);
	assert_int_equal(stuck_counts.receive, 1);
	assert_int_equal(stuck_counts.transmit, 0);
}

/* In between the driver had the card to itself; its tail may be what it was. */
static void test_r19_nothing_is_kept_of_the_attachment_before(void **state)
{
	(void)state;
	s.head += 7;
	stuck_attached();
	never(10 * STUCK_LOOKS);
}

/* A frame a minute, and the driver looks for it elsewhere: its ring would take hours to be full. */
static void test_r19_frames_that_nobody_takes(void **state)
{
	(void)state;
	s.head++;
	never(STUCK_LOOKS - 1);
	assert_int_equal(look(), STUCK_TWIN);
	assert_int_equal(stuck_counts.receive, 1);
}

/* What it drops by itself, because it is spoilt, brings a new buffer. */
static void test_r19_dropped_frames_are_not_stuck(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < LONG; i++) {
		s.head = i / 2;
		s.tail = (i + 1) / 2;
		assert_int_equal(look(), STUCK_NO);
	}
}

/* The kernel's own watchdog resets the driver every few seconds, in vain: frames are dropped. */
static void test_r19_vain_resets_hide_nothing(void **state)
{
	unsigned int stood = 0, n = 0;

	(void)state;
	for (; n < 10 * STUCK_LOOKS; n++) {
		s.busy = n % 5 == 3;
		s.waits = n % 5 < 3;
		stood += s.waits;
		if (look() == STUCK_TWIN)
			break;
	}
	assert_int_equal(stood, STUCK_LOOKS);
}

static void test_r20_vain_reset_ends_the_driver_vm(void **state)
{
	(void)state;
	s.waits = true;
	looks_until(STUCK_TWIN, LONG);
	stuck_attached();
	assert_int_equal(looks_until(STUCK_DVM, LONG), STUCK_LOOKS_AGAIN);
	assert_int_equal(stuck_counts.transmit, 2);
	assert_int_equal(stuck_counts.dvm, 1);
	stuck_forget(); /* its next life is as good as the first */
	stuck_attached();
	never(1);
	assert_int_equal(looks_until(STUCK_TWIN, LONG), STUCK_LOOKS);
}

/* A ring's worth of frames moves behind each reset, and no more. */
static void test_r20_so_does_one_that_helps_for_seconds(void **state)
{
	(void)state;
	s.deaf = true;
	looks_until(STUCK_TWIN, LONG);
	stuck_attached();
	s.received += 255;
	assert_int_equal(looks_until(STUCK_DVM, LONG), 1 + STUCK_LOOKS_AGAIN);
}

/* The other way is what stands still behind the reset. */
static void test_r20_and_one_that_broke_more(void **state)
{
	(void)state;
	s.deaf = true;
	looks_until(STUCK_TWIN, LONG);
	stuck_attached();
	s.deaf = false;
	s.waits = true;
	s.received++;
	assert_int_equal(looks_until(STUCK_DVM, LONG), STUCK_LOOKS_AGAIN);
}

static void test_r20_reset_that_helped_is_forgotten(void **state)
{
	(void)state;
	s.waits = true;
	looks_until(STUCK_TWIN, LONG);
	stuck_attached();
	for (unsigned int i = 0; i <= STUCK_PROOF_LOOKS; i++) {
		s.ended++;
		assert_int_equal(look(), STUCK_NO);
	}
	assert_int_equal(looks_until(STUCK_TWIN, LONG), STUCK_LOOKS);
}

/* Nothing was sent since, so nothing is known of it, however long it takes. */
static void test_r20_quiet_hour_proves_nothing(void **state)
{
	(void)state;
	s.waits = true;
	looks_until(STUCK_TWIN, LONG);
	stuck_attached();
	s.waits = false;
	s.received++;
	never(3600);
	s.waits = true;
	assert_int_equal(looks_until(STUCK_DVM, LONG), STUCK_LOOKS_AGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_r19_load_is_not_stuck, begin),
		cmocka_unit_test_setup(test_r19_quiet_wire_is_not_stuck, begin),
		cmocka_unit_test_setup(test_r19_ring_that_is_filled_again_is_not_stuck, begin),
		cmocka_unit_test_setup(test_r19_few_frames_are_not_stuck, begin),
		cmocka_unit_test_setup(test_r19_who_may_not_send_is_not_stuck, begin),
		cmocka_unit_test_setup(test_r19_driver_is_not_busy_for_ever, begin),
		cmocka_unit_test_setup(test_r19_interface_is_not_down_for_ever, begin),
		cmocka_unit_test_setup(test_r19_driver_that_has_nothing_to_do_may_be_busy, begin),
		cmocka_unit_test_setup(test_r19_flapping_link_is_not_stuck, begin),
		cmocka_unit_test_setup(test_r19_first_look_with_a_link_tells_nothing, begin),
		cmocka_unit_test_setup(test_r19_opening_begins_anew, begin),
		cmocka_unit_test_setup(test_r19_transmit_stands_still, begin),
		cmocka_unit_test_setup(test_r19_receive_stands_still, begin),
		cmocka_unit_test_setup(test_r19_frames_that_nobody_takes, begin),
		cmocka_unit_test_setup(test_r19_nothing_is_kept_of_the_attachment_before, begin),
		cmocka_unit_test_setup(test_r19_dropped_frames_are_not_stuck, begin),
		cmocka_unit_test_setup(test_r19_vain_resets_hide_nothing, begin),
		cmocka_unit_test_setup(test_r20_vain_reset_ends_the_driver_vm, begin),
		cmocka_unit_test_setup(test_r20_so_does_one_that_helps_for_seconds, begin),
		cmocka_unit_test_setup(test_r20_and_one_that_broke_more, begin),
		cmocka_unit_test_setup(test_r20_reset_that_helped_is_forgotten, begin),
		cmocka_unit_test_setup(test_r20_quiet_hour_proves_nothing, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
