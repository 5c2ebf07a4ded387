/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pool of donated buffers: sizes (R16), journal of an invocation (R19), conservation. */
#include "twin/pool.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "dvm_ram.h"
#include "kernel_abi.h"
#include "twin/loan.h"
#include "twin/native.h"
#include "twin/native_skb.h"

#define SMALL 2048
#define LARGE 2432

static unsigned int loans_ended, orphans;

void loan_end(struct pool_object *o)
{
	o->loan = NULL;
	loans_ended++;
}

void loan_orphan(struct pool_object *o)
{
	o->loan = NULL;
	orphans++;
}

void loan_orphan_all(void)
{
}

static dva_t at(unsigned int n)
{
	return DVM_BASE + n * 4096UL;
}

static void give(enum castor_kind kind, unsigned int n, uint32_t bytes)
{
	struct castor_slot slot = { .dva = at(n), .bytes = bytes, .kind = kind };

	pool_donate(&slot);
}

static int begin(void **state)
{
	(void)state;
	loans_ended = orphans = 0;
	return dvm_ram_begin();
}

static int end(void **state)
{
	(void)state;
	dvm_ram_end();
	return 0;
}

static void test_r16_a_small_one_on_top_does_not_block(void **state)
{
	struct pool_object *o;

	(void)state;
	give(CASTOR_FRAG, 1, LARGE);
	give(CASTOR_FRAG, 2, SMALL);
	o = pool_take(CASTOR_FRAG, LARGE);
	assert_non_null(o);
	assert_int_equal(o->dva, at(1));
	assert_int_equal(pool_stale(), 1);
	assert_pool_adds_up();
}

static void test_r16_a_size_change_renews_the_pool(void **state)
{
	struct pool_object *out, *o;

	(void)state;
	for (unsigned int i = 0; i < 8; i++)
		give(CASTOR_FRAG, i, SMALL);
	out = pool_take(CASTOR_FRAG, 1920);
	assert_non_null(out);
	assert_null(pool_take(CASTOR_FRAG, LARGE));
	assert_int_equal(pool_need(CASTOR_FRAG), LARGE);
	assert_int_equal(pool_level(CASTOR_FRAG), 0);
	assert_int_equal(pool_stale(), 7);
	pool_put(out); /* it was in the driver's ring meanwhile */
	assert_int_equal(pool_stale(), 8);
	while ((o = pool_take_stale())) {
		pool_forget(o);
		pool_counts.returned++;
	}
	assert_int_equal(pool_counts.returned, 8);
	give(CASTOR_FRAG, 20, SMALL); /* donated before castor heard of it */
	give(CASTOR_FRAG, 21, LARGE);
	assert_int_equal(pool_level(CASTOR_FRAG), 1);
	assert_int_equal(pool_stale(), 1);
	o = pool_take(CASTOR_FRAG, 1920); /* smaller wishes are served by the larger ones */
	assert_int_equal(o->dva, at(21));
	assert_pool_adds_up();
}

static void test_r16_no_wish_beyond_a_page(void **state)
{
	(void)state;
	give(CASTOR_FRAG, 1, SMALL);
	assert_null(pool_take(CASTOR_FRAG, PAGE_SIZE + 1));
	assert_null(pool_take(CASTOR_FRAG, 0xffffffff));
	assert_int_equal(pool_level(CASTOR_FRAG), 1);
	assert_int_equal(pool_stale(), 0);
}

/* A reset of the driver's rings frees what is there; the other kinds tell of it themselves. */
static void test_r16_rings_that_were_reset(void **state)
{
	struct pool_object *o;

	(void)state;
	for (unsigned int i = 0; i < 8; i++)
		give(CASTOR_FRAG, i, LARGE);
	give(CASTOR_HEAD, 20, 0);
	give(CASTOR_PAGE, 30, PAGE_SIZE);
	for (unsigned int i = 0; i < 5; i++)
		pool_take(CASTOR_FRAG, 1920);
	pool_take(CASTOR_HEAD, 0);
	pool_take(CASTOR_PAGE, PAGE_SIZE);
	assert_int_equal(pool_leave_rings(), 6);
	assert_int_equal(pool_out(), 1);
	assert_int_equal(pool_out_kind(CASTOR_HEAD), 1);
	assert_int_equal(pool_level(CASTOR_FRAG), 3);
	assert_null(pool_find(at(7)));
	o = pool_adopt(at(7), SMALL,
		       CASTOR_FRAG); /* the driver has the address again, and less there */
	assert_int_equal(o->bytes, SMALL);
	pool_put(o);
	assert_null(pool_take(CASTOR_FRAG, LARGE + 1));
	assert_int_equal(pool_leave_rings(), 0);
	assert_pool_adds_up();
}

static void test_r16_put_twice(void **state)
{
	struct pool_object *o;

	(void)state;
	give(CASTOR_FRAG, 1, SMALL);
	o = pool_take(CASTOR_FRAG, 0);
	pool_put(o);
	pool_put(o);
	assert_int_equal(pool_level(CASTOR_FRAG), 1);
	assert_int_equal(pool_out(), 0);
	o = pool_take(CASTOR_FRAG, 0);
	pool_forget(o);
	pool_forget(o);
	pool_put(o);
	assert_int_equal(pool_level(CASTOR_FRAG), 0);
	assert_int_equal(pool_out(), 0);
}

/* Where it is put back the card is done with the guest's memory; where it leaves nobody knows. */
static void test_r16_loans(void **state)
{
	struct pool_object *o;
	int lent;

	(void)state;
	for (unsigned int i = 0; i < 5; i++)
		give(CASTOR_FRAG, i, SMALL);
	while ((o = pool_take(CASTOR_FRAG, 0)))
		o->loan = (struct loan *)&lent;
	pool_put(pool_find(at(0)));
	assert_int_equal(loans_ended, 1);
	pool_counts.returned += pool_forget(pool_find(at(1)));
	pool_give(pool_find(at(2)));
	assert_int_equal(orphans, 2);
	pool_begin();
	pool_hand_over(pool_find(at(3)), true);
	assert_int_equal(pool_leak(), 1);
	assert_int_equal(orphans, 3);
	pool_leave();
	assert_int_equal(orphans, 4);
	assert_int_equal(loans_ended, 1);
	assert_pool_adds_up();
}

static void test_r16_pages(void **state)
{
	struct castor_slot crooked = { .dva = at(3) + 64, .bytes = PAGE_SIZE, .kind = CASTOR_PAGE };
	struct pool_object *o;

	(void)state;
	pool_donate(&crooked);
	give(CASTOR_PAGE, 4, SMALL);
	assert_int_equal(pool_counts.refused, 2);
	assert_int_equal(pool_need(CASTOR_PAGE), 0);
	assert_null(pool_take(CASTOR_PAGE, PAGE_SIZE));
	assert_int_equal(pool_need(CASTOR_PAGE), PAGE_SIZE); /* from now on castor is asked */
	give(CASTOR_PAGE, 5, PAGE_SIZE);
	o = pool_take(CASTOR_PAGE, PAGE_SIZE);
	assert_int_equal(o->dva, at(5));
	assert_non_null(pool_adopt(at(6), PAGE_SIZE, CASTOR_PAGE));
	assert_int_equal(pool_out(), 2);
	assert_pool_adds_up();
}

/* The dvm's driver freed its ring; only that the same address is donated again tells of it. */
static void test_r16_donated_while_it_is_out(void **state)
{
	(void)state;
	give(CASTOR_PAGE, 1, PAGE_SIZE);
	give(CASTOR_FRAG, 2, SMALL);
	give(CASTOR_HEAD, 3, 0);
	assert_non_null(pool_take(CASTOR_PAGE, 0));
	assert_non_null(pool_take(CASTOR_FRAG, 0));
	assert_non_null(pool_take(CASTOR_HEAD, 0));
	give(CASTOR_PAGE, 1, PAGE_SIZE);
	give(CASTOR_FRAG, 2, SMALL);
	give(CASTOR_HEAD, 3, 0); /* nobody frees it behind our back: a mistake */
	assert_int_equal(pool_level(CASTOR_PAGE), 1);
	assert_int_equal(pool_level(CASTOR_FRAG), 1);
	assert_int_equal(pool_level(CASTOR_HEAD), 0);
	assert_int_equal(pool_counts.returned, 2);
	assert_int_equal(pool_counts.refused, 1);
	give(CASTOR_PAGE, 1, PAGE_SIZE); /* in the pool: the dvm cannot have it */
	assert_int_equal(pool_counts.refused, 2);
	assert_pool_adds_up();
}

/* Objects 0..3 changed hands in the killed invocation, 4 and 5 in the one before. */
static void test_r19_what_changed_hands_is_leaked(void **state)
{
	struct pool_object *o[6], *later;

	(void)state;
	for (unsigned int i = 0; i < 8; i++)
		give(CASTOR_FRAG, 7 - i, SMALL);
	pool_begin();
	for (unsigned int i = 0; i < 6; i++)
		o[i] = pool_take(CASTOR_FRAG, 0);
	assert_int_equal(o[5]->dva, at(5));
	pool_put(o[4]);
	pool_begin();
	pool_put(o[0]);             /* into the pool */
	pool_give(o[1]);            /* to the dvm's stack */
	pool_hand_over(o[2], true); /* to the driver */
	pool_give_back(o[3]);       /* to castor */
	pool_hand_over(o[5], true);
	pool_hand_over(o[5], false); /* refused: still ours */
	assert_non_null(pool_adopt(at(30), SMALL, CASTOR_FRAG));
	assert_int_equal(pool_leak(), 5);
	assert_int_equal(pool_counts.leaked, 5);
	assert_int_equal(pool_counts.given + pool_counts.returned, 0);
	assert_pool_adds_up();
	for (unsigned int i = 0; i < 4; i++)
		assert_null(pool_find(at(i)));
	assert_null(pool_find(at(30)));
	assert_non_null(pool_find(at(5)));
	assert_int_equal(pool_level(CASTOR_FRAG), 3);
	while ((later = pool_take(CASTOR_FRAG, 0)))
		assert_in_set(later->dva, ((uint64_t[]){ at(4), at(6), at(7) }), 3);
	assert_pool_adds_up();
}

/* Whatever way an object takes back, the driver has it no more. */
static void test_r19_the_drivers_are_counted(void **state)
{
	struct pool_object *o[5];

	(void)state;
	for (unsigned int i = 0; i < 5; i++)
		give(CASTOR_FRAG, i, SMALL);
	pool_begin();
	for (unsigned int i = 0; i < 5; i++) {
		o[i] = pool_take(CASTOR_FRAG, 0);
		pool_hand_over(o[i], true);
		pool_hand_over(o[i], true);
	}
	assert_int_equal(pool_handed(), 5);
	pool_hand_over(o[0], false); /* refused */
	pool_hand_over(o[0], false);
	assert_int_equal(pool_handed(), 4);
	pool_put(o[1]);
	pool_put(o[1]);
	pool_hand_over(o[1], true); /* a hostile twin freed what waits: it is not out */
	assert_int_equal(pool_handed(), 3);
	pool_give_back(o[2]);
	pool_hand_over(o[2], true);
	assert_int_equal(pool_handed(), 2);
	pool_begin();
	pool_hand_over(o[3], true);
	assert_int_equal(pool_leak(), 1);
	assert_int_equal(pool_handed(), 1);
	pool_leave();
	assert_int_equal(pool_handed(), 0);
	assert_pool_adds_up();
}

static void test_r19_an_invocation_that_ended_leaks_nothing(void **state)
{
	struct pool_object *o;

	(void)state;
	give(CASTOR_FRAG, 1, SMALL);
	give(CASTOR_FRAG, 2, SMALL);
	pool_begin();
	o = pool_take(CASTOR_FRAG, 0);
	pool_give(o);
	o = pool_take(CASTOR_FRAG, 0);
	pool_begin();
	assert_int_equal(pool_leak(), 0);
	assert_int_equal(pool_counts.given, 1);
	assert_int_equal(pool_leave(), 1);
	assert_pool_adds_up();
}

static void test_r19_lost_on_the_way_back(void **state)
{
	struct pool_object *o;

	(void)state;
	give(CASTOR_FRAG, 1, SMALL);
	pool_begin();
	o = pool_take(CASTOR_FRAG, 0);
	pool_give_back(o);
	pool_lost(1);
	pool_lost(0);
	assert_int_equal(pool_counts.leaked, 1);
	assert_int_equal(pool_counts.foreign, 1);
	assert_int_equal(pool_leak(), 0);
	assert_pool_adds_up();
}

/* An skb at address 8 n and three pages, as a frame in the transmit queue. */
static struct pool_object *frame(unsigned int n)
{
	struct pool_object *skb;

	field_set(dvm_ram + 8UL * n * PAGE_SIZE, K_SK_BUFF_HEAD, 8, at(8 * n + 1));
	field_set(dvm_ram + 8UL * n * PAGE_SIZE, K_SK_BUFF_END, 4, SMALL);
	give(CASTOR_SKB, 8 * n, 0);
	skb = pool_take(CASTOR_SKB, 0);
	assert_int_equal(skb->dva, at(8 * n));
	for (unsigned int i = 2; i < 5; i++) {
		give(CASTOR_PAGE, 8 * n + i, PAGE_SIZE);
		pool_tie(skb, pool_take(CASTOR_PAGE, 0));
	}
	return skb;
}

static void test_r16_pages_go_where_their_skb_goes(void **state)
{
	struct pool_object *skb[4];

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		skb[i] = frame(i);
	assert_int_equal(pool_tied(), 12);
	assert_int_equal(pool_out(), 16);
	pool_begin();
	pool_put(skb[0]);
	pool_put(skb[0]);
	assert_int_equal(pool_level(CASTOR_SKB), 1);
	assert_int_equal(pool_level(CASTOR_PAGE), 3);
	assert_int_equal(pool_give_back(skb[1]), 4);
	assert_int_equal(pool_give_back(skb[1]), 0);
	assert_int_equal(pool_counts.returned, 4);
	assert_int_equal(pool_given_back(), 2);
	pool_give(skb[2]);
	assert_int_equal(pool_counts.given, 4);
	pool_begin();
	assert_int_equal(pool_leave(), 4);
	assert_int_equal(pool_tied() + pool_out(), 0);
	skb[0] = pool_take(CASTOR_SKB, 0); /* whole frames are made of what came back */
	assert_null(skb[0]->pages);
	pool_tie(skb[0], pool_take(CASTOR_PAGE, 0));
	assert_int_equal(pool_forget(skb[0]), 2);
	pool_counts.returned += 2;
	assert_pool_adds_up();
}

/* By its own address a hostile twin or driver VM gets nothing of a frame that is under way. */
static void test_r16_a_tied_page_is_nobody_elses(void **state)
{
	struct pool_object *skb = frame(0);

	(void)state;
	for (unsigned int i = 2; i < 5; i++) {
		assert_null(pool_find(at(i)));
		assert_null(pool_adopt(at(i), PAGE_SIZE, CASTOR_PAGE));
		give(CASTOR_PAGE, i, PAGE_SIZE);
	}
	assert_int_equal(pool_counts.refused, 3);
	assert_int_equal(pool_leave_rings(), 0); /* castor tells of an skb that the driver frees */
	assert_int_equal(pool_tied(), 3);
	pool_put(skb);
	assert_int_equal(pool_level(CASTOR_PAGE), 3);
	assert_pool_adds_up();
}

/* Handed over in the killed invocation: leaked with its pages. Before it, or refused: not. */
static void test_r19_pages_are_leaked_with_their_skb(void **state)
{
	struct pool_object *before = frame(0), *now = frame(1), *refused = frame(2),
			   *back = frame(3);

	(void)state;
	pool_hand_over(before, true);
	pool_hand_over(back, true);
	pool_begin();
	pool_hand_over(now, true);
	pool_hand_over(refused, true);
	pool_hand_over(refused, false);
	pool_put(back); /* the driver completed it */
	assert_int_equal(pool_leak(), 8);
	assert_int_equal(pool_counts.leaked, 8);
	assert_int_equal(pool_tied(), 6);
	assert_int_equal(pool_level(CASTOR_PAGE) + pool_level(CASTOR_SKB), 0);
	assert_pool_adds_up();
	pool_put(before);
	pool_put(refused);
	assert_int_equal(pool_level(CASTOR_PAGE), 6);
	assert_pool_adds_up();
}

/* No room in castor's ring: skb and pages are lost, and counted. */
static void test_r19_a_frame_lost_on_the_way_back(void **state)
{
	(void)state;
	pool_begin();
	pool_lost(pool_give_back(frame(0)));
	assert_int_equal(pool_counts.leaked, 4);
	assert_int_equal(pool_given_back(), 0);
	assert_int_equal(pool_leak(), 0);
	assert_pool_adds_up();
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(test_r16_a_small_one_on_top_does_not_block),
		CASE(test_r16_a_size_change_renews_the_pool),
		CASE(test_r16_no_wish_beyond_a_page),
		CASE(test_r16_rings_that_were_reset),
		CASE(test_r16_put_twice),
		CASE(test_r16_pages),
		CASE(test_r16_donated_while_it_is_out),
		CASE(test_r19_what_changed_hands_is_leaked),
		CASE(test_r19_the_drivers_are_counted),
		CASE(test_r19_an_invocation_that_ended_leaks_nothing),
		CASE(test_r19_lost_on_the_way_back),
		CASE(test_r16_loans),
		CASE(test_r16_pages_go_where_their_skb_goes),
		CASE(test_r16_a_tied_page_is_nobody_elses),
		CASE(test_r19_pages_are_leaked_with_their_skb),
		CASE(test_r19_a_frame_lost_on_the_way_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
