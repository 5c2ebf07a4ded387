/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Received frames as the driver hands them over: which are held to be merged, for how long, and
 * that their buffers come back whatever the twin does meanwhile (R16, R19).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "dvm_ram.h"
#include "kernel_abi.h"
#include "net/net.h"
#include "net/offload.h"
#include "net/switch.h"
#include "twin/castor.h"
#include "twin/interface.h"
#include "twin/native.h"
#include "twin/native_skb.h"
#include "twin/receive.h"
#include "twin/run.h"
#include "twin/transmit.h"
#include "twin/uplink.h"
#include "twin/win.h"

#define FRAMES   200
#define ROOM     64 /* in front of a frame */
#define PAYLOAD  1000
#define HEADERS  54
#define SENT_MAX 16

struct twin_pending twin_pending;
struct transmit_counts transmit_counts;
uint64_t tsc_khz = 1000;
extern const struct native __native_start[], __native_end[];

static jmp_buf invocation;
static struct net_switch sw;
static struct port port;
static struct packet sent[SENT_MAX]; /* their pieces are gone */
static unsigned int sends, pushed, interface_asked;
static bool guest_merges, interface_merges, payload_spoilt;
static uint32_t seq;

/* ---- what receive.c and the natives call ---- */

uint8_t *refusing_window(dva_t a, uint64_t n)
{
	(void)a;
	(void)n;
	longjmp(invocation, 1);
}

void native_kill(const char *fmt, ...)
{
	(void)fmt;
	longjmp(invocation, 1);
}

uint64_t tsc_now(void)
{
	return 0;
}

uint64_t run_jiffies(void)
{
	return 0;
}

int castor_push(enum castor_ring_id id, const struct castor_slot *slot)
{
	(void)slot;
	pushed += id == CASTOR_RING_RX;
	return 0;
}

bool castor_room(enum castor_ring_id id)
{
	(void)id;
	return true;
}

struct net_switch *net_switch(void)
{
	return &sw;
}

struct port *uplink_port(void)
{
	return &port;
}

bool uplink_is_dvm_address(const uint8_t *mac)
{
	return mac[5] == 0xdd;
}

bool switch_merges(const struct net_switch *s, const struct packet *pkt)
{
	assert_ptr_equal(s, &sw);
	assert_int_equal(pkt->head[5], 1);
	return guest_merges;
}

bool interface_has(uint64_t features)
{
	assert_int_equal(features, INTERFACE_FEATURE(GRO));
	interface_asked++;
	return interface_merges;
}

/* The guest copies: the payload counts on from frame to frame. */
int switch_input(struct net_switch *s, struct port *from, struct packet *pkt)
{
	struct packet_cursor cur;
	const uint8_t *piece;
	uint32_t tag = pkt->head[12] == 0x81 ? 4 : 0, at = 0, n;

	assert_ptr_equal(s, &sw);
	assert_ptr_equal(from, &port);
	packet_cursor_set(&cur, pkt, HEADERS + tag);
	while ((n = packet_cursor_next(&cur, 1 << 20, &piece)))
		for (uint32_t i = 0; i < n; i++, at++)
			if (!payload_spoilt &&
			    piece[i] != (uint8_t)((get_be32(pkt->head + tag + 38) + at) * 7))
				fail_msg("payload byte %u of frame %u", at, sends);
	assert_in_range(sends, 0, SENT_MAX - 1);
	sent[sends++] = *pkt;
	return 0;
}

/* ---- the driver ---- */

static uint64_t native(const char *name, uint64_t a, uint64_t b)
{
	for (const struct native *n = __native_start; n < __native_end; n++)
		if (strcmp(n->name, name) == 0)
			return ((uint64_t(*)(uint64_t, uint64_t))(uintptr_t)n->fn)(a, b);
	fail_msg("no native %s", name);
	return 0;
}

static uint8_t *hva(dva_t dva)
{
	return dvm_ram + (dva - DVM_BASE);
}

static void put_sum(uint8_t *at, const struct csum *c)
{
	uint16_t sum = ~csum_fold(c);

	memcpy(at, &sum, 2);
}

/* The next segment of a connection. */
static void fill(uint8_t *f, uint8_t to, bool damaged)
{
	static const uint8_t head[HEADERS] = { 2,  0,  0, 0, 0,  0, 2, 0,  0,  0,  0, 2, 8,
					       0,  69, 0, 0, 0,  0, 0, 0,  0,  9,  6, 0, 0,
					       10, 0,  0, 2, 10, 0, 0, 1,  0,  80, 4, 1, 0,
					       0,  0,  0, 0, 0,  0, 1, 80, 16, 1 };
	struct csum ip = { 0 }, tcp = { 0 };
	uint8_t pseudo[4] = { 0, 6, (PAYLOAD + 20) >> 8, (PAYLOAD + 20) & 0xff };

	memcpy(f, head, sizeof(head));
	f[5] = to;
	put_be16(f + 16, PAYLOAD + 40);
	put_be16(f + 18, seq / PAYLOAD);
	put_be32(f + 38, seq);
	for (uint32_t i = 0; i < PAYLOAD; i++, seq++)
		f[HEADERS + i] = seq * 7;
	csum_add(&ip, f + 14, 20);
	put_sum(f + 24, &ip);
	csum_add(&tcp, f + 26, 8);
	csum_add(&tcp, pseudo, 4);
	csum_add(&tcp, f + 34, 20 + PAYLOAD);
	put_sum(f + 50, &tcp);
	f[50] ^= damaged;
}

enum { DAMAGED = 1, VOUCHED = 2, TAGGED = 4 };

/* A frame in a buffer that the twin took from the pool, in an skb as it builds it. */
static dva_t receive_into(dva_t data, uint8_t to, unsigned int how)
{
	dva_t skb = native("napi_build_skb", data, 2048);
	uint8_t *p;

	assert_true(skb != 0);
	p = hva(skb);
	fill(hva(data) + ROOM, to, how & DAMAGED);
	SET(p, SK_BUFF_MAC_HEADER, ROOM);
	SET(p, SK_BUFF_DATA, data + ROOM + 14);
	SET(p, SK_BUFF_LEN, PAYLOAD + HEADERS - 14);
	if (how & VOUCHED)
		SET_BITS(p, SK_BUFF_IP_SUMMED, 1);
	if (how & TAGGED) {
		SET_BITS(p, SK_BUFF_VLAN_PRESENT, 1);
		SET(p, SK_BUFF_VLAN_PROTO, 0x0081);
		SET(p, SK_BUFF_VLAN_TCI, 5);
	}
	return skb;
}

static dva_t receive(uint8_t to, unsigned int how)
{
	dva_t data = native("__netdev_alloc_frag_align", 1920, 0), skb;

	assert_true(data != 0);
	skb = receive_into(data, to, how);
	native("napi_gro_receive", 0, skb);
	return skb;
}

static int setup(void **state)
{
	(void)state;
	if (dvm_ram_begin())
		return -1;
	for (unsigned int i = 0; i < 2 * FRAMES; i++) {
		struct castor_slot slot = { .dva = DVM_BASE + i * 4096,
					    .bytes = 2048,
					    .kind = i % 2 ? CASTOR_HEAD : CASTOR_FRAG };

		pool_donate(&slot);
	}
	pool_begin();
	receive_counts = (struct receive_counts){ 0 };
	seq = 0;
	sends = pushed = 0;
	guest_merges = interface_merges = true;
	interface_asked = 0;
	payload_spoilt = false;
	receive_flush(); /* asks the interface anew */
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dvm_ram_end();
	return 0;
}

static void expect_all_back(void)
{
	assert_int_equal(pool_out(), 0);
	assert_int_equal(pool_level(CASTOR_HEAD), FRAMES);
	assert_int_equal(pool_level(CASTOR_FRAG), FRAMES);
	assert_pool_adds_up();
}

/* ---- the tests ---- */

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
	assert_int_equal(pushed, 1);
	assert_int_equal(receive_counts.own, 1);
	receive_flush();
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
		T(test_r16_twin_that_keeps_what_it_gave),
	};

	return cmocka_run_group_tests_name("receive", tests, NULL, NULL);
}
