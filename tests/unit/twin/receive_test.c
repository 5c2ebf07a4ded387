/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Received frames as the driver hands them over: which are held to be merged, for how long, and
 * that their buffers come back whatever the twin does meanwhile (R16, R19).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "receive_lab.h"

static void test_frames_are_held_to_the_end_of_the_invocation(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		receive(1, 0);
	assert_int_equal(sends, 0);
	assert_int_equal(pool_out(), 20);
	receive_flush();
	assert_int_equal(sends, 1);
	assert_int_equal(sent[0].len, HEADERS + 10 * PAYLOAD);
	assert_true(sent[0].gso == GSO_TCP4 && sent[0].gso_size == PAYLOAD);
	assert_int_equal(receive_counts.to_guests, 10);
	expect_all_back();
	receive_flush();
	assert_int_equal(sends, 1);
}

static void test_no_more_is_held_than_a_poll_brings(void **state)
{
	(void)state;
	for (int i = 0; i < 150; i++) {
		receive(1, 0);
		assert_in_range(pool_out(), 0, 2 * 63);
	}
	receive_flush();
	assert_int_equal(receive_counts.to_guests, 150);
	expect_all_back();
}

/* ethtool -K eth0 gro off: from the next invocation on. */
static void test_the_interface_merges_or_not(void **state)
{
	(void)state;
	receive(1, 0);
	interface_merges = false;
	receive(1, 0);
	receive_flush();
	assert_int_equal(sends, 1);
	for (int i = 0; i < 3; i++)
		receive(1, 0);
	assert_int_equal(sends, 4);
	assert_int_equal(interface_asked, 2);
	receive_flush();
	assert_int_equal(sends, 4);
	expect_all_back();
}

/* A guest that takes none gets each at once, and so do those who share a frame. */
static void test_others_frames_are_not_held(void **state)
{
	(void)state;
	guest_merges = false;
	receive(1, 0);
	assert_int_equal(sends, 1);
	assert_int_equal(pool_out(), 0);
	guest_merges = true;
	receive(1, 0);
	receive(0xdd, 0); /* the driver VM's own */
	assert_int_equal(sends, 1);
	assert_int_equal(receive_counts.own, 1);
	receive_flush();
	own_end(false);
	assert_int_equal(pushed, 1);
	assert_int_equal(sends, 2);
	assert_int_equal(receive_counts.to_guests, 2);
	assert_int_equal(pool_out(), 0);
	assert_pool_adds_up();
}

/* What the driver says of a checksum goes on with the frame; what is not looked at is not good. */
static void test_checksums(void **state)
{
	(void)state;
	guest_merges = false;
	receive(1, 0);
	receive(1, VOUCHED);
	assert_true(!sent[0].csum_valid && sent[1].csum_valid);
	guest_merges = true;
	receive(1, DAMAGED);
	assert_int_equal(sends, 3);
	assert_false(sent[2].csum_valid);
	receive(1, 0);
	receive_flush();
	assert_true(sent[3].csum_valid && !sent[3].needs_csum);
	expect_all_back();
}

/* The tags are in the frame again, which is merged for that: 4 bytes longer, once. */
static void test_tagged_frames_are_merged(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		receive(1, TAGGED);
	receive(1, 0); /* another connection */
	receive_flush();
	assert_int_equal(sends, 2);
	assert_int_equal(sent[0].len, HEADERS + 4 + 3 * PAYLOAD);
	assert_memory_equal(sent[0].head + 12, "\x81\x00\x00\x05\x08\x00", 6);
	expect_all_back();
}

/* They were received to their end, and are given; but nobody knows what else the twin did. */
static void test_r19_twin_dies_while_frames_are_held(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		receive(1, 0);
	if (!setjmp(invocation)) {
		native("napi_gro_receive", 0, DVM_BASE + 17);
		fail_msg("a native took garbage");
	}
	receive_flush();
	assert_int_equal(sends, 1);
	assert_int_equal(receive_counts.to_guests, 5);
	assert_int_equal(pool_leak(), 10);
	assert_int_equal(pool_out(), 0);
	assert_int_equal(pool_level(CASTOR_FRAG), FRAMES - 5);
	assert_pool_adds_up();
	receive_flush();
	assert_int_equal(sends, 1);
}

/* An skb that says it is its own buffer is one object, not two. */
static void test_r16_skb_that_is_its_own_buffer(void **state)
{
	dva_t data = native("__netdev_alloc_frag_align", 1920, 0);
	dva_t skb = receive_into(data, 0xdd, 0);

	(void)state;
	hva(skb)[ROOM + 5] = 0xdd;
	SET(hva(skb), SK_BUFF_HEAD, skb);
	native("napi_gro_receive", 0, skb);
	assert_int_equal(pool_counts.given, 1);
	assert_pool_adds_up();
}

/* What a native gave out last is known again only while it is that object, and out. */
static void test_r16_skb_that_is_none_any_more(void **state)
{
	dva_t data = native("__netdev_alloc_frag_align", 1920, 0);
	dva_t skb = receive_into(data, 1, 0);
	struct castor_slot slot = { .dva = skb, .bytes = 2048, .kind = CASTOR_FRAG };

	(void)state;
	native("napi_gro_receive", 0, skb);
	receive_flush(); /* back in the pool */
	if (!setjmp(invocation)) {
		native("napi_gro_receive", 0, skb);
		fail_msg("an skb that is in the pool was received");
	}
	while (pool_take(CASTOR_HEAD, 0))
		;
	assert_int_equal(pool_forget(pool_find(skb)), 1);
	if (!setjmp(invocation)) {
		native("napi_gro_receive", 0, skb);
		fail_msg("an skb of the driver VM's was received");
	}
	pool_donate(&slot);
	while (pool_take(CASTOR_FRAG, 0))
		;
	assert_true(pool_find(skb) != NULL);
	if (!setjmp(invocation)) {
		native("napi_gro_receive", 0, skb);
		fail_msg("a buffer was received as an skb");
	}
	assert_int_equal(receive_counts.frames, 1);
}

/* A twin that frees what it gave away, or gives it twice, or reads into it again, harms itself. */
static void test_r16_twin_that_keeps_what_it_gave(void **state)
{
	dva_t skb, data;

	(void)state;
	skb = receive(1, 0);
	data = GET(hva(skb), SK_BUFF_HEAD);
	native("napi_gro_receive", 0, skb);
	native("napi_consume_skb", skb, 0);
	receive_into(data, 1, 0);
	payload_spoilt = true;
	receive_flush();
	assert_pool_adds_up();
	assert_int_equal(receive_counts.to_guests, 2);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_frames_are_held_to_the_end_of_the_invocation),
		T(test_no_more_is_held_than_a_poll_brings),
		T(test_the_interface_merges_or_not),
		T(test_others_frames_are_not_held),
		T(test_checksums),
		T(test_tagged_frames_are_merged),
		T(test_r19_twin_dies_while_frames_are_held),
		T(test_r16_skb_that_is_its_own_buffer),
		T(test_r16_skb_that_is_none_any_more),
		T(test_r16_twin_that_keeps_what_it_gave),
	};

	return cmocka_run_group_tests_name("receive", tests, NULL, NULL);
}
