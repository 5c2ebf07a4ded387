/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See receive_lab.h. */
#include "receive_lab.h"

#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "net/net.h"
#include "net/offload.h"
#include "net/switch.h"
#include "twin/interface.h"
#include "twin/native.h"
#include "twin/run.h"
#include "twin/transmit.h"
#include "twin/uplink.h"
#include "twin/win.h"

struct twin_pending twin_pending;
struct transmit_counts transmit_counts;
uint64_t tsc_khz = 1000;
extern const struct native __native_start[], __native_end[];

jmp_buf invocation;
static struct net_switch sw;
static struct port port;
struct packet sent[SENT_MAX];
unsigned int sends, pushed, interface_asked;
bool guest_merges, interface_merges, payload_spoilt, ring_full;
struct castor_slot given[SENT_MAX];
uint8_t short_frame[CASTOR_FRAME_MAX];
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
	if (id == CASTOR_RING_RX)
		given[pushed++ % SENT_MAX] = *slot;
	return 0;
}

bool castor_room(enum castor_ring_id id)
{
	(void)id;
	return !ring_full;
}

uint8_t *castor_frame(void)
{
	return short_frame;
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

uint64_t native(const char *name, uint64_t a, uint64_t b)
{
	for (const struct native *n = __native_start; n < __native_end; n++)
		if (strcmp(n->name, name) == 0)
			return ((uint64_t(*)(uint64_t, uint64_t))(uintptr_t)n->fn)(a, b);
	fail_msg("no native %s", name);
	return 0;
}

uint8_t *hva(dva_t dva)
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

dva_t receive_into(dva_t data, uint8_t to, unsigned int how)
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

dva_t receive(uint8_t to, unsigned int how)
{
	dva_t data = native("__netdev_alloc_frag_align", 1920, 0), skb;

	assert_true(data != 0);
	skb = receive_into(data, to, how);
	native("napi_gro_receive", 0, skb);
	return skb;
}

void donate_skb(void)
{
	struct castor_slot slot = { .dva = SKB, .bytes = 2048, .kind = CASTOR_SKB };

	SET(hva(SKB), SK_BUFF_HEAD, SKB + 4096);
	SET(hva(SKB), SK_BUFF_END, 2048);
	pool_donate(&slot);
}

dva_t receive_short(uint32_t len, unsigned int how)
{
	dva_t skb = native("__napi_alloc_skb", 0, len), data;
	uint8_t *p = hva(skb);

	assert_true(skb != 0);
	data = GET(p, SK_BUFF_DATA);
	for (uint32_t i = 0; i < len; i++)
		hva(data)[i] = i;
	memset(hva(data), 0, 5);
	hva(data)[5] = 0xdd;
	SET(p, SK_BUFF_MAC_HEADER, data - GET(p, SK_BUFF_HEAD));
	SET(p, SK_BUFF_DATA, data + 14);
	SET(p, SK_BUFF_LEN, len - 14);
	if (how & VOUCHED)
		SET_BITS(p, SK_BUFF_IP_SUMMED, 1);
	if (how & TAGGED)
		SET_BITS(p, SK_BUFF_VLAN_PRESENT, 1);
	native("napi_gro_receive", 0, skb);
	return skb;
}

int setup(void **state)
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
	donate_skb();
	pool_begin();
	receive_counts = (struct receive_counts){ 0 };
	seq = 0;
	sends = pushed = 0;
	guest_merges = interface_merges = true;
	interface_asked = 0;
	payload_spoilt = ring_full = false;
	own_end(false);
	receive_flush(); /* asks the interface anew */
	return 0;
}

int teardown(void **state)
{
	(void)state;
	dvm_ram_end();
	return 0;
}

void expect_all_back(void)
{
	assert_int_equal(pool_out(), 0);
	assert_int_equal(pool_level(CASTOR_HEAD), FRAMES);
	assert_int_equal(pool_level(CASTOR_FRAG), FRAMES);
	assert_pool_adds_up();
}
