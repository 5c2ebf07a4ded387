/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket buffers of guests' frames as the kernel's own would be (R17), and their pages (R16). */
#include "twin/fill.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dvm_ram.h"
#include "kernel_abi.h"
#include "lib/errno.h"
#include "net/net.h"
#include "twin/castor.h"
#include "twin/native.h"
#include "twin/native_frags.h"
#include "twin/native_skb.h"
#include "twin/run.h"
#include "twin/transmit.h"

#define VMEMMAP  0xffffea0000000000UL
#define ROOM     2048
#define NETDEV   1000 /* page */
#define HEADERS  54
#define FRAME    65550
#define SEGMENT  1448
#define CAN      (1UL << K_NETIF_F_SG_BIT | 1UL << K_NETIF_F_HW_CSUM_BIT | 1UL << K_NETIF_F_TSO_BIT)
#define RING_MIN 48 /* descriptors of e1000's smallest ring */

struct twin_pending twin_pending;
struct transmit_counts transmit_counts;
uint64_t tsc_khz = 1000;
extern const struct native __native_start[], __native_end[];

static uint8_t frame[FRAME];
static struct packet_seg segs[FRAME / 1000 + 1];
static struct packet pkt;
static const struct packet_rights all = { true, true, true, true };
static bool castor_is_full;
static unsigned int pushed;
/* ---- what the natives call ---- */

uint8_t *refusing_window(dva_t a, uint64_t n)
{
	uint8_t *p = pool_dvm_ptr(a, n);

	assert_non_null(p);
	return p;
}

void native_kill(const char *fmt, ...)
{
	fail_msg("%s", fmt);
	abort();
}

uint64_t tsc_now(void)
{
	return 1;
}

uint64_t run_jiffies(void)
{
	return 1;
}

bool native_dvm_waits(dva_t txq)
{
	(void)txq;
	return false;
}

int castor_push(enum castor_ring_id id, const struct castor_slot *slot)
{
	(void)slot;
	assert_int_equal(id, CASTOR_RING_FREE);
	pushed++;
	return castor_is_full ? -ENOSPC : 0;
}

static void completes(const struct pool_object *skb)
{
	for (const struct native *n = __native_start; n < __native_end; n++)
		if (!strcmp(n->name, "napi_consume_skb"))
			((void (*)(dva_t, int))n->fn)(skb->dva, 64);
}

/* ---- frames ---- */

static void set_features(uint64_t f)
{
	field_set(dvm_ram + NETDEV * PAGE_SIZE, K_NET_DEVICE_FEATURES, 8, f);
}

static void give_skbs(unsigned int from, unsigned int n)
{
	for (unsigned int i = from; i < from + n; i++) {
		uint8_t *skb = dvm_ram + i * PAGE_SIZE;
		struct castor_slot slot = { .dva = DVM_BASE + i * PAGE_SIZE, .kind = CASTOR_SKB };

		SET(skb, SK_BUFF_HEAD, slot.dva + 512);
		SET(skb, SK_BUFF_END, ROOM);
		pool_donate(&slot);
	}
}

static void give_pages(unsigned int from, unsigned int n)
{
	for (unsigned int i = from; i < from + n; i++) {
		struct castor_slot slot = { DVM_BASE + i * PAGE_SIZE, PAGE_SIZE, CASTOR_PAGE };

		memset(dvm_ram + i * PAGE_SIZE, 0xee, PAGE_SIZE); /* of whoever had it before */
		pool_donate(&slot);
	}
}

static int begin(void **state)
{
	(void)state;
	if (dvm_ram_begin())
		return -1;
	twin_att.vmemmap_base = VMEMMAP;
	twin_att.netdev = DVM_BASE + NETDEV * PAGE_SIZE;
	twin_att.destructor = 0xffffffffc0000000UL;
	set_features(CAN);
	castor_is_full = false;
	pushed = 0;
	srand(1);
	for (unsigned int i = 0; i < FRAME; i++)
		frame[i] = rand();
	return 0;
}

static int end(void **state)
{
	(void)state;
	dvm_ram_end();
	return 0;
}

/* Cuts `bytes` of the frame, which calls itself len bytes long, into segments. */
static void scatter(uint32_t bytes, uint32_t len)
{
	unsigned int n = 0;

	for (uint32_t at = 0, part; at < bytes; at += part, n++) {
		part = MIN(bytes - at, 1000 + rand() % 3000U);
		segs[n] = (struct packet_seg){ frame + at, part };
	}
	packet_from_segs(&pkt, segs, n, 0, len);
}

/* TCP over IPv4 as a guest gives it; options: bytes of IP's and TCP's. */
static int request(uint32_t len, uint16_t gso_size, uint32_t ip_options, uint32_t tcp_options)
{
	struct virtio_net_hdr hdr = { .flags = VIRTIO_NET_HDR_NEEDS_CSUM, .gso_type = GSO_TCP4 };
	uint8_t *ip = frame + ETH_HLEN;

	hdr.gso_size = gso_size;
	hdr.csum_start = ETH_HLEN + 20 + ip_options;
	hdr.csum_offset = 16;
	put_be16(frame + 12, ETHERTYPE_IP4);
	ip[0] = 0x40 | (20 + ip_options) / 4;
	put_be16(ip + 6, 0x4000);
	ip[9] = 6;
	ip[20 + ip_options + 12] = (20 + tcp_options) / 4 << 4;
	scatter(len, len);
	return packet_check(&pkt, &hdr, &all);
}

/* The frame's only skb, or NULL: there is no buffer for it, or it is cut. */
static struct pool_object *fill(void)
{
	struct offload_caps caps;

	if (fill_plan(&pkt, &caps) || !offload_passes(&pkt, &caps) || pkt.gso == GSO_NONE)
		return NULL;
	return fill_packet(&pkt);
}

static bool is_left_to_card(void)
{
	struct offload_caps caps;

	assert_int_equal(fill_plan(&pkt, &caps), 0);
	assert_false(caps.tso6 || caps.ecn);
	return caps.tso4;
}

/* ---- what the driver finds ---- */

static uint8_t *shinfo_of(const struct pool_object *o)
{
	return o->data + o->bytes;
}

/* Linear part and fragments, one behind the other, are the frame; descriptors as e1000 counts. */
static unsigned int descriptors(const struct pool_object *o, const uint8_t *expected)
{
	uint32_t len = GET(o->hva, SK_BUFF_LEN), linear = len - GET(o->hva, SK_BUFF_DATA_LEN);
	uint32_t frags = GET(shinfo_of(o), SKB_SHARED_INFO_NR_FRAGS), at = linear;
	unsigned int n = 4; /* context, the headers, the gap */

	assert_in_range(frags, 1, FRAGS_MAX);
	assert_memory_equal(pool_dvm_ptr(GET(o->hva, SK_BUFF_DATA), linear), expected, linear);
	for (uint32_t i = 0; i < frags; i++) {
		uint8_t *f = shinfo_of(o) + K_SKB_SHARED_INFO_FRAGS + i * K_SIZEOF_BIO_VEC;
		uint32_t bytes = GET(f, BIO_VEC_BV_LEN);
		dva_t page = (GET(f, BIO_VEC_BV_PAGE) - VMEMMAP) / K_SIZEOF_PAGE * PAGE_SIZE;

		assert_in_range(bytes, 1, PAGE_SIZE);
		assert_int_equal(GET(f, BIO_VEC_BV_OFFSET), 0);
		assert_memory_equal(pool_dvm_ptr(page + DVM_BASE, bytes), expected + at, bytes);
		at += bytes;
		n += 1 + bytes / PAGE_SIZE;
	}
	assert_int_equal(at, len);
	return n;
}

static void test_r17_large_frame_is_as_the_kernels_own(void **state)
{
	uint32_t segments = (FRAME - HEADERS + SEGMENT - 1) / SEGMENT;
	struct pool_object *o;
	uint8_t *skb, *shinfo;
	uint64_t data;

	(void)state;
	give_skbs(0, 1);
	give_pages(100, 16);
	assert_int_equal(request(FRAME, SEGMENT, 0, 0), 0);
	o = fill();
	assert_non_null(o);
	skb = o->hva;
	shinfo = shinfo_of(o);
	data = GET(skb, SK_BUFF_DATA) - GET(skb, SK_BUFF_HEAD);
	assert_true(descriptors(o, frame) < RING_MIN);
	assert_int_equal(GET(skb, SK_BUFF_LEN), FRAME);
	assert_int_equal(GET(skb, SK_BUFF_DATA_LEN), FRAME - HEADERS);
	assert_int_equal(GET(skb, SK_BUFF_TAIL), data + HEADERS);
	assert_int_equal(GET(skb, SK_BUFF_TRUESIZE), 256 + ROOM + 320 + 16 * PAGE_SIZE);
	assert_int_equal(GET(skb, SK_BUFF_DEV), twin_att.netdev);
	assert_int_equal(GET(skb, SK_BUFF_DESTRUCTOR), twin_att.destructor);
	assert_int_equal(GET(skb, SK_BUFF_PROTOCOL), 0x0008); /* in network byte order */
	assert_int_equal(GET(skb, SK_BUFF_MAC_HEADER), data);
	assert_int_equal(GET(skb, SK_BUFF_NETWORK_HEADER), data + 14);
	assert_int_equal(GET(skb, SK_BUFF_TRANSPORT_HEADER), data + 34);
	assert_int_equal(GET(skb, SK_BUFF_CSUM_START), data + 34);
	assert_int_equal(GET(skb, SK_BUFF_CSUM_OFFSET), 16);
	assert_int_equal(GET_BITS(skb, SK_BUFF_IP_SUMMED), 3);
	assert_int_equal(GET_BITS(skb, SK_BUFF_CLONED), 0);
	assert_int_equal(GET(shinfo, SKB_SHARED_INFO_GSO_SIZE), SEGMENT);
	assert_int_equal(GET(shinfo, SKB_SHARED_INFO_GSO_SEGS), segments);
	assert_int_equal(GET(shinfo, SKB_SHARED_INFO_GSO_TYPE), K_SKB_GSO_TCPV4);
	assert_int_equal(GET(shinfo, SKB_SHARED_INFO_FRAG_LIST), 0);
	assert_int_equal(pool_tied(), 16);
	assert_pool_adds_up();
}

/* Whatever may be asked for: bounded, and what the guest sent; and the driver pulls nothing up. */
static void test_r17_random_requests(void **state)
{
	unsigned int taken = 0, refused = 0, cut = 0;

	(void)state;
	give_skbs(0, 1);
	give_pages(100, 17);
	for (unsigned int i = 0; i < 20000; i++) {
		uint32_t len = HEADERS + 1 + rand() % (FRAME - HEADERS);
		struct pool_object *o;

		if (request(len, rand() % 4 ? 500 + rand() % 1000 : rand(), rand() % 4 * 4,
			    rand() % 11 * 4)) {
			refused++;
			continue;
		}
		o = fill();
		if (!o) {
			cut++;
			continue;
		}
		taken++;
		assert_in_range(GET(shinfo_of(o), SKB_SHARED_INFO_GSO_SIZE),
				OFFLOAD_CARD_SEGMENT_MIN, PACKET_MTU);
		assert_int_equal(GET(o->hva, SK_BUFF_LEN) - GET(o->hva, SK_BUFF_DATA_LEN),
				 pkt.payload);
		assert_true(descriptors(o, frame) < RING_MIN);
		assert_true((GET(o->hva, SK_BUFF_HEAD) + GET(o->hva, SK_BUFF_TAIL) - 1) & 4);
		completes(o);
	}
	assert_true(taken > 1000 && refused > 1000 && cut > 1000);
	assert_int_equal(pushed + pool_tied(), 0);
	assert_pool_adds_up();
}

/* A plain frame of len bytes with any checksum request, behind tag and IP header, or none. */
static void plain_request(uint32_t len, bool csum, uint16_t ethertype)
{
	struct virtio_net_hdr hdr = { .flags = csum, .csum_start = ETH_HLEN + 24 + rand() % 8 };

	hdr.csum_offset = rand() % 13;
	frame[12] = ethertype >> 8;
	frame[13] = ethertype;
	scatter(len, len);
	assert_int_equal(packet_check(&pkt, &hdr, &all), 0);
}

/* One linear buffer of these bytes, zeros behind a short one, and what is asked of the card. */
static void expect_plain(const struct pool_object *o, const uint8_t *head, uint32_t head_len,
			 const uint8_t *body, uint32_t len, bool csum)
{
	static const uint8_t zeros[60];
	uint32_t sent = MAX(len, (uint32_t)sizeof(zeros));
	uint64_t start = GET(o->hva, SK_BUFF_DATA) - o->data_dva;

	assert_int_equal(GET(o->hva, SK_BUFF_LEN), sent);
	assert_int_equal(GET(o->hva, SK_BUFF_DATA_LEN), 0);
	assert_int_equal(GET(o->hva, SK_BUFF_TAIL), start + sent);
	assert_int_equal(GET(shinfo_of(o), SKB_SHARED_INFO_NR_FRAGS), 0);
	assert_memory_equal(o->data + start, head, head_len);
	assert_memory_equal(o->data + start + head_len, body, len - head_len);
	assert_memory_equal(o->data + start + len, zeros, sent - len);
	assert_int_equal(GET_BITS(o->hva, SK_BUFF_IP_SUMMED), csum ? 3 : 0);
	if (csum)
		assert_int_equal(GET(o->hva, SK_BUFF_CSUM_START), start + pkt.csum_start);
	assert_int_equal(GET(o->hva, SK_BUFF_CSUM_OFFSET), csum ? pkt.csum_offset : 0);
}

static void test_r17_plain_frames(void **state)
{
	struct offload_caps caps;

	(void)state;
	give_skbs(0, 1);
	for (unsigned int i = 0; i < 5000; i++) {
		bool csum = rand() % 2;
		uint32_t least = csum ? 60 : ETH_HLEN;
		uint32_t len = least + rand() % (rand() % 2 ? 60 : FILL_PLAIN_MAX - least);
		struct pool_object *o;

		plain_request(len, csum, rand() % 2 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
		assert_int_equal(fill_plan(&pkt, &caps), 0);
		assert_true(offload_passes(&pkt, &caps));
		o = fill_packet(&pkt);
		assert_non_null(o);
		expect_plain(o, frame, len, frame + len, len, csum);
		assert_null(fill_packet(&pkt));  /* the pool has no second one */
		memset(o->data, 0xee, o->bytes); /* of whoever had it before */
		completes(o);
	}
	assert_pool_adds_up();
}

/* All of a packet that does not pass: heads of the iterator, the frame's own bytes behind them. */
static unsigned int fill_pieces(void)
{
	struct offload_caps caps;
	struct offload_iter it;
	struct offload_frame f;
	unsigned int n = 0;

	assert_int_equal(fill_plan(&pkt, &caps), 0);
	assert_false(offload_passes(&pkt, &caps));
	offload_begin(&it, &pkt, &caps);
	for (uint32_t at = it.cut ? pkt.payload : pkt.head_len; offload_next(&it, &f); n++) {
		struct pool_object *o = fill_piece(&f);

		assert_non_null(o);
		expect_plain(o, f.head, f.head_len, frame + at, f.head_len + f.body_len, caps.csum);
		at += f.body_len;
		completes(o);
	}
	return n;
}

static void test_r17_pieces(void **state)
{
	(void)state;
	give_skbs(0, 1);
	assert_int_equal(request(20000, SEGMENT, 0, 0), 0);
	set_features(CAN & ~(1UL << K_NETIF_F_TSO_BIT));
	assert_int_equal(fill_pieces(), 14);
	set_features(0);
	assert_int_equal(fill_pieces(), 14);
	plain_request(1000, true, ETHERTYPE_IP4); /* whole, but for its sum */
	assert_int_equal(fill_pieces(), 1);
	set_features(CAN);
	plain_request(1000, true, ETHERTYPE_ARP); /* the card's driver would complain */
	assert_int_equal(fill_pieces(), 1);
	assert_pool_adds_up();
}

static void test_r17_hostile_sizes(void **state)
{
	static const uint16_t bad[] = { 0, 1, GSO_SIZE_MIN - 1, PACKET_MTU - 39, 65535 };

	(void)state;
	give_skbs(0, 1);
	give_pages(100, 17);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(request(FRAME, bad[i], 0, 0), -EINVAL);
	assert_int_equal(request(FRAME, OFFLOAD_CARD_SEGMENT_MIN - 1, 0, 0), 0);
	assert_false(is_left_to_card()); /* more descriptors than a ring may have */
	assert_int_equal(request(FRAME, OFFLOAD_CARD_SEGMENT_MIN, 0, 0), 0);
	assert_true(is_left_to_card());
	assert_int_equal(request(FRAME, SEGMENT, 0, 44),
			 -EINVAL); /* header beyond 60 bytes: it wraps */
	assert_int_equal(request(HEADERS, SEGMENT, 0, 0), -EINVAL);
	assert_int_equal(request(HEADERS + SEGMENT, SEGMENT, 0, 0), 0);
	assert_false(is_left_to_card()); /* one segment: a plain frame */
}

/* A frame of fewer bytes than it says: nothing of whoever had the page before goes out. */
static void test_r17_short_body(void **state)
{
	static uint8_t expected[30000];
	struct pool_object *o;

	(void)state;
	give_skbs(0, 1);
	give_pages(100, 17);
	assert_int_equal(request(30000, SEGMENT, 0, 0), 0);
	pkt.segs = 2; /* its sender has not so many */
	memcpy(expected, frame, pkt.head_len + pkt.seg[0].len + pkt.seg[1].len);
	o = fill();
	assert_non_null(o);
	descriptors(o, expected);
}

static void test_r17_what_is_not_for_the_card(void **state)
{
	(void)state;
	give_skbs(0, 1);
	give_pages(100, 17);
	assert_int_equal(request(FRAME, SEGMENT, 0, 0), 0);
	assert_true(is_left_to_card());
	pkt.gso_ecn = true;
	assert_false(is_left_to_card());
	pkt.gso_ecn = false;
	pkt.resume = SEGMENT; /* the rest of one that was begun in pieces */
	assert_false(is_left_to_card());
	pkt.resume = 0;
	pkt.l3 += VLAN_HLEN;
	assert_false(is_left_to_card());
	pkt.l3 -= VLAN_HLEN;
	pkt.gso = GSO_TCP6;
	assert_false(is_left_to_card());
	pkt.gso = GSO_TCP4;
	assert_true(is_left_to_card());
}

/* As `ethtool -K` leaves them, from the next frame on. */
static void test_r17_features_of_the_interface(void **state)
{
	struct offload_caps caps;

	(void)state;
	give_skbs(0, 1);
	give_pages(100, 17);
	assert_int_equal(request(FRAME, SEGMENT, 0, 0), 0);
	for (unsigned int bit = 0; bit < 64; bit++) {
		set_features(~(1UL << bit));
		assert_int_equal(is_left_to_card(), !(CAN >> bit & 1));
		fill_plan(&pkt, &caps);
		assert_int_equal(caps.csum, bit != K_NETIF_F_HW_CSUM_BIT);
	}
	set_features(CAN);
	twin_att.netdev = 0xffffc90000000000UL; /* not in the direct map */
	assert_false(is_left_to_card());
}

static void test_r16_pages_that_are_under_way_are_waited_for(void **state)
{
	struct pool_object *first;

	(void)state;
	give_skbs(0, 3);
	give_pages(100, 20);
	assert_int_equal(request(FRAME, SEGMENT, 0, 0), 0);
	assert_true(fill_has_room());
	first = fill();
	assert_non_null(first);
	assert_true(fill_has_room()); /* nobody was turned away */
	assert_int_equal(request(FRAME, SEGMENT, 0, 0), 0);
	assert_null(fill());
	assert_false(fill_has_room());
	completes(first);
	assert_true(fill_has_room());
	assert_non_null(fill());
	assert_pool_adds_up();
}

/* Whoever needs more is not passed over by those who need less. */
static void test_r16_a_small_frame_does_not_push_in(void **state)
{
	struct pool_object *first;

	(void)state;
	give_skbs(0, 3);
	give_pages(100, 20);
	assert_int_equal(request(FRAME, SEGMENT, 0, 0), 0);
	first = fill();
	assert_int_equal(request(FRAME, SEGMENT, 0, 0), 0);
	assert_null(fill());
	assert_int_equal(request(2 * PAGE_SIZE, SEGMENT, 0, 0), 0);
	assert_null(fill());
	completes(first);
	assert_true(fill_has_room());
	assert_int_equal(request(FRAME, SEGMENT, 0, 0), 0);
	assert_non_null(fill());
	assert_int_equal(request(2 * PAGE_SIZE, SEGMENT, 0, 0), 0);
	assert_non_null(fill());
}

/* None is under way, so none comes back: the frame is cut, and nobody waits for ever. */
static void test_r16_without_pages_frames_are_cut(void **state)
{
	(void)state;
	give_skbs(0, 3);
	give_pages(100, 15);
	assert_int_equal(request(FRAME, SEGMENT, 0, 0), 0);
	assert_false(is_left_to_card());
	assert_true(fill_has_room());
	give_pages(115, 1);
	assert_true(is_left_to_card());
}

/* What the driver receives into is not taken away from it. */
static void test_r16_frames_have_so_many_pages_at_most(void **state)
{
	struct pool_object *first;
	unsigned int n = 1;

	(void)state;
	give_skbs(0, 100);
	give_pages(200, 2 * FILL_PAGES);
	assert_int_equal(request(FRAME, SEGMENT, 0, 0), 0);
	first = fill();
	while (fill())
		n++;
	assert_int_equal(n, FILL_PAGES / 16);
	assert_false(fill_has_room());
	assert_int_equal(pool_level(CASTOR_PAGE), FILL_PAGES);
	completes(first);
	assert_non_null(fill());
	assert_pool_adds_up();
}

/* Once the kernel had its hands on it, skb and pages go back to the kernel, and are counted. */
static void test_r16_a_frame_that_is_no_more_ours(void **state)
{
	struct pool_object *o[4];

	(void)state;
	give_skbs(0, 4);
	give_pages(100, 64);
	assert_int_equal(request(FRAME, SEGMENT, 0, 0), 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_non_null(o[i] = fill());
	pool_begin();
	SET(o[0]->hva, SK_BUFF_USERS, 2);
	SET(shinfo_of(o[1]), SKB_SHARED_INFO_NR_FRAGS, 15); /* one was pulled up into the headers */
	SET(shinfo_of(o[2]) + 3 * K_SIZEOF_BIO_VEC + K_SKB_SHARED_INFO_FRAGS, BIO_VEC_BV_PAGE,
	    VMEMMAP);
	for (unsigned int i = 0; i < 3; i++)
		completes(o[i]);
	assert_int_equal(pushed, 3);
	assert_int_equal(pool_counts.returned, 3 * 17);
	assert_int_equal(pool_given_back(), 3);
	castor_is_full = true;
	SET(shinfo_of(o[3]), SKB_SHARED_INFO_NR_FRAGS, 255);
	completes(o[3]);
	assert_int_equal(pool_counts.leaked, 17);
	assert_int_equal(pool_out() + pool_level(CASTOR_PAGE), 0);
	assert_pool_adds_up();
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(test_r17_large_frame_is_as_the_kernels_own),
		CASE(test_r17_random_requests),
		CASE(test_r17_plain_frames),
		CASE(test_r17_pieces),
		CASE(test_r17_hostile_sizes),
		CASE(test_r17_short_body),
		CASE(test_r17_what_is_not_for_the_card),
		CASE(test_r17_features_of_the_interface),
		CASE(test_r16_pages_that_are_under_way_are_waited_for),
		CASE(test_r16_a_small_frame_does_not_push_in),
		CASE(test_r16_without_pages_frames_are_cut),
		CASE(test_r16_frames_have_so_many_pages_at_most),
		CASE(test_r16_a_frame_that_is_no_more_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
