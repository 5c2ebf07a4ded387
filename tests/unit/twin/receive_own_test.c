/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Received frames of the driver VM's own: what castor gets of them, in which order, and whose their
 * buffers are (R11, R16, R19).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "receive_lab.h"

/* The stack's view of what castor got: its frame, which goes on where the last one ended. */
static void expect_frame(dva_t dva, unsigned int segments, uint32_t first)
{
	uint8_t *skb = hva(dva), *buffer = hva(GET(skb, SK_BUFF_HEAD));
	uint8_t *shinfo = buffer + GET(skb, SK_BUFF_END), *frag;
	uint8_t *frame = buffer + GET(skb, SK_BUFF_MAC_HEADER);

	assert_int_equal(GET(skb, SK_BUFF_LEN), HEADERS - 14 + segments * PAYLOAD);
	assert_int_equal(GET(skb, SK_BUFF_DATA_LEN), (segments - 1) * PAYLOAD);
	assert_int_equal(GET(shinfo, SKB_SHARED_INFO_NR_FRAGS), segments - 1);
	assert_int_equal(get_be16(frame + 16), HEADERS - 14 + segments * PAYLOAD);
	assert_int_equal(get_be32(frame + 38), first);
	assert_int_equal(GET(shinfo, SKB_SHARED_INFO_GSO_SEGS), segments > 1 ? segments : 0);
	assert_int_equal(GET(shinfo, SKB_SHARED_INFO_GSO_SIZE), segments > 1 ? PAYLOAD : 0);
	assert_int_equal(GET_BITS(skb, SK_BUFF_IP_SUMMED), segments > 1 ? 3 : 1);
	for (uint32_t i = 0; i < segments * PAYLOAD; i++) {
		frag = shinfo + K_SKB_SHARED_INFO_FRAGS + (i / PAYLOAD - 1) * K_SIZEOF_BIO_VEC;
		if (i < PAYLOAD)
			assert_int_equal(frame[HEADERS + i], (uint8_t)((first + i) * 7));
		else
			assert_int_equal(dvm_ram[GET(frag, BIO_VEC_BV_PAGE) / K_SIZEOF_PAGE * 4096 +
						 GET(frag, BIO_VEC_BV_OFFSET) + i % PAYLOAD],
					 (uint8_t)((first + i) * 7));
	}
}

static void test_own_frames_become_one(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		receive(0xdd, 0);
	assert_int_equal(pushed, 0);
	own_end(false);
	assert_int_equal(pushed, 1);
	expect_frame(given[0].dva, 10, 0);
	assert_int_equal(GET(hva(given[0].dva), SK_BUFF_CSUM_START), ROOM + 34);
	assert_int_equal(receive_counts.to_dvm, 10);
	assert_int_equal(pool_counts.given, 11); /* one head, all buffers */
	assert_int_equal(pool_level(CASTOR_HEAD), FRAMES - 1);
	assert_int_equal(pool_out(), 0);
	assert_pool_adds_up();
	own_end(false);
	assert_int_equal(pushed, 1);
}

/* A buffer of its own and 17 fragments: what an skb takes without a list. */
static void test_own_frames_of_18_segments(void **state)
{
	(void)state;
	for (int i = 0; i < 37; i++)
		receive(0xdd, 0);
	assert_int_equal(pushed, 2);
	own_end(false);
	expect_frame(given[0].dva, 18, 0);
	expect_frame(given[1].dva, 18, 18 * PAYLOAD);
	expect_frame(given[2].dva, 1, 36 * PAYLOAD);
	assert_int_equal(receive_counts.to_dvm, 37);
	assert_pool_adds_up();
}

/* Nothing overtakes: what cannot be merged goes behind what is held. */
static void test_own_frames_keep_their_order(void **state)
{
	dva_t tagged, group;

	(void)state;
	receive(0xdd, 0);
	receive(0xdd, 0);
	tagged = receive(0xdd, TAGGED);
	assert_int_equal(pushed, 2);
	expect_frame(given[0].dva, 2, 0);
	assert_int_equal(given[1].dva, tagged);
	receive(0xdd, 0);
	guest_merges = false;
	hva(GET(hva(tagged), SK_BUFF_HEAD))[0] = 0;
	interface_merges = true;
	group = receive(0xdd, DAMAGED);
	assert_int_equal(given[3].dva, group);
	assert_int_equal(GET_BITS(hva(group), SK_BUFF_IP_SUMMED), 0);
	expect_frame(given[2].dva, 1, 3 * PAYLOAD);
	assert_pool_adds_up();
}

static void test_own_frames_without_gro(void **state)
{
	(void)state;
	interface_merges = false;
	for (int i = 0; i < 3; i++) {
		dva_t skb = receive(0xdd, 0);

		assert_int_equal(pushed, i + 1);
		assert_int_equal(given[i].dva, skb);
		assert_int_equal(GET_BITS(hva(skb), SK_BUFF_IP_SUMMED), 0);
	}
	assert_int_equal(pool_counts.given, 6);
	assert_pool_adds_up();
}

static void test_own_frames_find_the_ring_full(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		receive(0xdd, 0);
	ring_full = true;
	own_end(false);
	receive(0xdd, TAGGED);
	assert_int_equal(pushed, 0);
	assert_int_equal(receive_counts.dropped, 6);
	expect_all_back();
}

/* Its skb never leaves the pool, so that one is enough for all. */
static void test_own_short_frames_go_as_bytes(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		receive_short(60 + i, i == 3 ? VOUCHED : 0);
		assert_int_equal(given[i].kind, CASTOR_FRAME);
		assert_int_equal(given[i].bytes, 60 + i);
		assert_int_equal(given[i].dva, i == 3);
		assert_int_equal(short_frame[5], 0xdd);
		for (int k = 6; k < 60 + i; k++)
			assert_int_equal(short_frame[k], k);
	}
	assert_int_equal(receive_counts.to_dvm, 4);
	assert_int_equal(pool_counts.given, 0);
	expect_all_back();
	ring_full = true;
	memset(short_frame, 0, sizeof(short_frame));
	receive_short(60, 0);
	assert_int_equal(pushed, 4);
	assert_int_equal(short_frame[5], 0);
	assert_int_equal(receive_counts.dropped, 1);
	expect_all_back();
}

/* A byte too long, or with a tag beside it. */
static void test_own_frames_that_go_as_an_skb(void **state)
{
	const struct {
		uint32_t len;
		unsigned int how;
	} frames[] = { { CASTOR_FRAME_MAX + 1, 0 }, { 60, TAGGED } };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(frames); i++) {
		assert_int_equal(receive_short(frames[i].len, frames[i].how), SKB);
		assert_int_equal(given[i].kind, CASTOR_SKB);
		assert_int_equal(given[i].dva, SKB);
		donate_skb();
	}
	assert_int_equal(pool_counts.given, 2);
	expect_all_back();
}

static void test_own_short_frames_do_not_overtake(void **state)
{
	(void)state;
	receive(0xdd, 0);
	receive(0xdd, 0);
	receive_short(60, 0);
	assert_int_equal(pushed, 2);
	expect_frame(given[0].dva, 2, 0);
	assert_int_equal(given[1].kind, CASTOR_FRAME);
}

/* What was held changed hands in the invocation, so it is leaked and given to nobody. */
static void test_r19_twin_dies_while_own_frames_are_held(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		receive(0xdd, 0);
	assert_int_equal(pool_leak(), 10);
	own_end(true);
	assert_int_equal(pushed, 0);
	assert_int_equal(pool_out(), 0);
	assert_int_equal(pool_level(CASTOR_FRAG), FRAMES - 5);
	assert_pool_adds_up();
}

/* Two frames are at castor already, and go with the invocation (castor_drop()). */
static void test_r19_own_frames_of_a_killed_invocation(void **state)
{
	(void)state;
	for (int i = 0; i < 37; i++)
		receive(0xdd, 0);
	assert_int_equal(pushed, 2);
	assert_int_equal(pool_leak(), 37 + 20); /* heads that stayed here served twice */
	own_end(true);
	assert_int_equal(pushed, 2);
	assert_int_equal(pool_counts.given, 0);
	assert_int_equal(pool_out(), 0);
	assert_int_equal(pool_level(CASTOR_FRAG), FRAMES - 37);
	assert_int_equal(pool_level(CASTOR_HEAD), FRAMES - 20);
	assert_pool_adds_up();
}

/* It is at castor once. */
static void test_r16_own_frame_handed_over_twice(void **state)
{
	dva_t skb = receive(0xdd, 0), other = native("__netdev_alloc_frag_align", 1920, 0);

	(void)state;
	if (!setjmp(invocation)) {
		native("napi_gro_receive", 0, skb);
		fail_msg("the same once more");
	}
	receive_into(other, 0xdd, 0);
	SET(hva(skb), SK_BUFF_HEAD, other);
	if (!setjmp(invocation)) {
		native("napi_gro_receive", 0, skb);
		fail_msg("the same on another buffer");
	}
	assert_int_equal(pushed, 0);
	own_end(false);
	assert_int_equal(pushed, 1);
	assert_pool_adds_up();
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_own_frames_become_one),
		T(test_own_frames_of_18_segments),
		T(test_own_frames_keep_their_order),
		T(test_own_frames_without_gro),
		T(test_own_frames_find_the_ring_full),
		T(test_own_short_frames_go_as_bytes),
		T(test_own_frames_that_go_as_an_skb),
		T(test_own_short_frames_do_not_overtake),
		T(test_r19_twin_dies_while_own_frames_are_held),
		T(test_r19_own_frames_of_a_killed_invocation),
		T(test_r16_own_frame_handed_over_twice),
	};

	return cmocka_run_group_tests_name("receive_own", tests, NULL, NULL);
}
