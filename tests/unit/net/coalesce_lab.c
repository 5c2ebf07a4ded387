/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See coalesce_lab.h. */
#include "coalesce_lab.h"

#include "ref_sum.h"
#include "tests/fuzz/random.h"

#define NO_KEY 0

struct lab lab;
static uint8_t flat[FRAME_MAX + COALESCE_FRAME_MAX];

static uint32_t ref_tcp_sum(const uint8_t *ip, uint32_t ihl, uint32_t tcp_len, bool pseudo)
{
	uint32_t sum = ref_sum(ip + 12, 8, 6 + tcp_len);

	return pseudo ? sum : ref_sum(ip + ihl, tcp_len, sum);
}

static uint32_t l3_of(const uint8_t *f)
{
	return get_be16(f + 12) == 0x8100 ? 18 : 14;
}

void seal_ip(uint8_t *f)
{
	uint8_t *ip = f + l3_of(f);

	put_be16(ip + 10, 0);
	put_be16(ip + 10, ~ref_sum(ip, (ip[0] & 15) * 4, 0));
}

void seal(uint8_t *f, uint32_t len)
{
	uint8_t *ip = f + l3_of(f);
	uint32_t ihl = (ip[0] & 15) * 4, tcp_len = len - l3_of(f) - ihl;

	seal_ip(f);
	put_be16(ip + ihl + 16, 0);
	put_be16(ip + ihl + 16, ~ref_tcp_sum(ip, ihl, tcp_len, false));
}

uint32_t spec_build(uint8_t *f, const struct spec *s)
{
	uint32_t l3 = s->vlan ? 18 : 14, ihl = s->ip_options ? 24 : 20;
	uint32_t hlen = l3 + ihl + 20 + s->options;
	uint8_t *ip = f + l3, *tcp = ip + ihl;

	memset(f, 0, hlen);
	memcpy(f, (uint8_t[12]){ 2, 0, 0, 0, 0, s->station, 2, 0, 0, 0, 1, 1 }, 12);
	if (s->vlan)
		memcpy(f + 12, "\x81\x00\x00\x05", 4);
	memcpy(ip - 2, "\x08\x00", 2);
	ip[0] = 0x40 | ihl / 4;
	ip[1] = s->tos;
	put_be16(ip + 2, hlen - l3 + s->payload);
	put_be16(ip + 4, s->id);
	put_be16(ip + 6, s->ip_flags);
	ip[8] = s->ttl;
	ip[9] = 6;
	memcpy(ip + 12, (uint8_t[8]){ 10, 0, 0, 1, 10, 0, 1, s->station }, 8);
	memset(ip + 20, 0, ihl - 20); /* ends of options */
	put_be16(tcp, 1000 + s->conn);
	put_be16(tcp + 2, 80);
	put_be32(tcp + 4, s->seq);
	put_be32(tcp + 8, s->ack);
	tcp[12] = (20 + s->options) / 4 << 4;
	tcp[13] = s->flags;
	put_be16(tcp + 14, s->window);
	put_be16(tcp + 18, s->urgent);
	for (uint32_t i = 0; i < s->options; i += 4)
		put_be32(tcp + 20 + i, i ? s->stamp : 0x0101080a);
	for (uint32_t i = 0; i < s->payload; i++)
		f[hlen + i] = s->seq + i + (s->seq + i) / 251;
	seal(f, hlen + s->payload);
	return hlen + s->payload;
}

/* Names the connection of an unfragmented TCP segment; NO_KEY: it is none. */
static uint32_t ref_key(const uint8_t *f, uint32_t len)
{
	uint32_t l3 = len >= 18 ? l3_of(f) : 14, ihl;
	const uint8_t *ip = f + l3;
	uint32_t key = 0x811c9dc5;

	if (len < l3 + 20 || get_be16(ip - 2) != 0x0800 || ip[0] >> 4 != 4 || ip[9] != 6)
		return NO_KEY;
	ihl = (ip[0] & 15) * 4;
	if (ihl < 20 || len < l3 + ihl + 20 || get_be16(ip + 6) & 0x3fff)
		return NO_KEY;
	for (uint32_t i = 0; i < l3 + 12; i++) {
		uint8_t byte = i < l3 ? f[i] : i < l3 + 8 ? ip[12 + i - l3] : ip[ihl + i - l3 - 8];

		key = (key ^ byte) * 0x01000193;
	}
	return key | 1;
}

/* What lies behind IP's length is no part of it. */
static bool ref_tcp_right(const struct in *f)
{
	uint32_t l3 = l3_of(f->data), ihl = (f->data[l3] & 15) * 4;
	uint32_t ip_len = MIN(get_be16(f->data + l3 + 2), f->len - l3);

	return ip_len >= ihl && ref_tcp_sum(f->data + l3, ihl, ip_len - ihl, false) == 0xffff;
}

/* ---- what goes out ---- */

/* The first frame of the connection that is not out yet. */
static struct in *next_in(uint32_t key)
{
	for (unsigned int i = 0; i < lab.ins; i++)
		if (lab.in[i].key == key && !lab.in[i].out)
			return &lab.in[i];
	fail_msg("a frame more than came in");
	return NULL;
}

static void flatten(const struct packet *pkt)
{
	struct packet_cursor cur;
	const uint8_t *piece;
	uint32_t len = 0, n;

	packet_cursor_set(&cur, pkt, 0);
	while ((n = packet_cursor_next(&cur, sizeof(flat) - len, &piece))) {
		memcpy(flat + len, piece, n);
		len += n;
	}
	assert_int_equal(len, pkt->len);
}

/* A piece of the large frame in flat, as whoever cuts it makes it, is the frame f. */
static void expect_segment(const struct packet *pkt, uint32_t at, uint16_t id, struct in *f)
{
	static uint8_t cut[FRAME_MAX];
	uint32_t n = MIN(pkt->gso_size, pkt->len - pkt->payload - at), hlen = pkt->payload;
	uint8_t *ip = cut + pkt->l3, *tcp = cut + pkt->l4;

	memcpy(cut, flat, hlen);
	memcpy(cut + hlen, flat + hlen + at, n);
	put_be16(ip + 2, hlen + n - pkt->l3);
	put_be16(ip + 4, id);
	put_be32(tcp + 4, get_be32(tcp + 4) + at);
	if (hlen + at + n != pkt->len)
		tcp[13] &= ~0x08;
	seal(cut, hlen + n);
	if (f->vouched)
		memcpy(tcp + 16, f->data + pkt->l4 + 16, 2);
	assert_int_equal(f->len, hlen + n);
	assert_memory_equal(cut, f->data, f->len);
	f->out = true;
	lab.outs++;
}

static void expect_large(const struct packet *pkt)
{
	const uint8_t *ip = flat + pkt->l3;
	uint32_t key = ref_key(flat, pkt->len), at = pkt->gso_size;
	uint16_t id = get_be16(ip + 4), step;
	struct in *f = next_in(key);

	assert_true(pkt->len <= COALESCE_FRAME_MAX && pkt->needs_csum && !pkt->csum_valid);
	assert_int_equal(get_be16(ip + 2), pkt->len - pkt->l3);
	assert_int_equal(ref_sum(ip, 20, 0), 0xffff);
	assert_int_equal(pkt->csum_start, pkt->l4);
	assert_int_equal(pkt->csum_offset, 16);
	assert_int_equal(get_be16(flat + pkt->l4 + 16),
			 ref_tcp_sum(ip, 20, pkt->len - pkt->l4, true));
	expect_segment(pkt, 0, id, f);
	f = next_in(key);
	step = get_be16(f->data + pkt->l3 + 4) - id;
	assert_true(step == 1 || (step == 0 && ip[6] & 0x40));
	for (; at < pkt->len - pkt->payload; at += pkt->gso_size) {
		f = next_in(key);
		id += step;
		expect_segment(pkt, at, id, f);
	}
	assert_int_equal(get_be16(f->data + pkt->l3 + 4), id);
	lab.merged++;
}

/* An acknowledgement and no more, its options time stamps at most: its TCP header, else NULL. */
static const uint8_t *ref_ack(const struct in *f)
{
	uint32_t l3 = l3_of(f->data);
	const uint8_t *ip = f->data + l3, *tcp = ip + 20;
	uint32_t hlen = (tcp[12] >> 4) * 4;

	if (f->key == NO_KEY || ip[0] != 0x45 || get_be16(ip + 2) != 20 + hlen ||
	    f->len < l3 + 20 + hlen || (get_be16(tcp + 12) & 0xfff) != 0x10 ||
	    ref_sum(ip, 20, 0) != 0xffff || get_be16(ip + 6) & 0xbfff ||
	    (!f->vouched && ref_sum(tcp, hlen, ref_sum(ip + 12, 8, 6 + hlen)) != 0xffff))
		return NULL;
	if (hlen == 32 && memcmp(tcp + 20, "\x01\x01\x08\x0a", 4) != 0)
		return NULL;
	return hlen == 20 || hlen == 32 ? tcp : NULL;
}

/* Modulo 2^32: from a to b it is forward, or no step. */
static bool ref_not_back(const uint8_t *a, const uint8_t *b)
{
	return (uint32_t)(get_be32(b) - get_be32(a)) < 1U << 31;
}

/* Whoever gets g instead of f and g knows as much. */
static bool ref_stands_for(const struct in *g, const struct in *f)
{
	const uint8_t *a = ref_ack(f), *b = ref_ack(g);

	return a && b && g->key == f->key && a[12] == b[12] && a[-19] == b[-19] &&
	       get_be32(a + 4) == get_be32(b + 4) && get_be32(a + 8) != get_be32(b + 8) &&
	       ref_not_back(a + 8, b + 8) &&
	       (a[12] == 0x50 || (ref_not_back(a + 24, b + 24) && ref_not_back(a + 28, b + 28)));
}

/* The one that goes out. Acknowledgements before it may stay away that the next one repeats. */
static struct in *next_said(uint32_t key, uint32_t len)
{
	struct in *f = next_in(key), *g;

	while (f->len != len || memcmp(f->data, flat, len) != 0) {
		f->out = true;
		lab.outs++;
		lab.left_out++;
		g = next_in(key);
		assert_true(ref_stands_for(g, f));
		f = g;
	}
	return f;
}

static void expect_plain(const struct packet *pkt, struct in *f)
{
	assert_true(pkt->gso == GSO_NONE && !pkt->needs_csum);
	assert_true(!pkt->csum_valid || f->vouched || ref_tcp_right(f));
	assert_int_equal(pkt->len, f->len);
	assert_memory_equal(flat, f->data, f->len);
	f->out = true;
	lab.outs++;
}

static void send(struct packet *pkt)
{
	flatten(pkt);
	if (pkt->gso == GSO_TCP4) {
		expect_large(pkt);
	} else {
		assert_true(pkt->csum_valid); /* else it would not have been held */
		expect_plain(pkt, next_said(ref_key(flat, pkt->len), pkt->len));
	}
}

static bool accepts(const struct packet *pkt)
{
	assert_int_not_equal(ref_key(pkt->head, pkt->len), NO_KEY);
	return lab.accepting;
}

static const struct coalesce_ops ops = { COALESCE_PIECES, accepts, send };

/* Nobody whom the frame must not overtake is held: the same connection's, or its station's. */
static void expect_none_before(const struct in *f)
{
	for (const struct in *g = lab.in; g < f; g++)
		if (f->key != NO_KEY)
			assert_false(g->key == f->key && !g->out);
		else if (f->data[0] & 1 || memcmp(f->data, g->data, 6) == 0)
			assert_true(g->out);
}

/* ---- what comes in ---- */

/* As the twin brings it. */
static unsigned int scatter(struct in *f, enum shape how, struct packet_seg *seg)
{
	uint32_t cut = how == TAG_PUT_BACK      ? 16
		       : how == LAST_BYTE_APART ? f->len - 1
						: 1 + below(f->len - 1);

	if (how == WHOLE) {
		seg[0] = (struct packet_seg){ f->data, f->len };
		return 1;
	}
	f->rest = malloc(f->len - cut);
	memcpy(f->rest, f->data + cut, f->len - cut);
	seg[0] = (struct packet_seg){ f->data, MIN(cut, 12U) };
	seg[1] = (struct packet_seg){ f->data + seg[0].len, cut - seg[0].len };
	seg[2] = (struct packet_seg){ f->rest, f->len - cut };
	return 3;
}

/* True: it is held, or went out with others. */
bool take(const uint8_t *data, uint32_t len, bool vouched, enum shape how)
{
	struct in *f = &lab.in[lab.ins++];
	struct packet_seg seg[3], tail;
	struct packet pkt;
	unsigned int segs;

	assert_in_range(lab.ins, 1, IN_MAX);
	*f = (struct in){ .data = malloc(len), .len = len, .vouched = vouched };
	memcpy(f->data, data, len);
	f->key = ref_key(data, len);
	segs = scatter(f, how, seg);
	tail = seg[segs - 1];
	if (how == WHOLE)
		packet_from_piece(&pkt, seg);
	else
		packet_from_segs(&pkt, seg, segs, 0, len);
	pkt.csum_valid = vouched;
	if (coalesce_take(&lab.c, &pkt, tail))
		return true;
	expect_none_before(f);
	flatten(&pkt);
	expect_plain(&pkt, f);
	lab.refused++;
	return false;
}

void lab_flush(void)
{
	coalesce_flush(&lab.c);
	assert_int_equal(lab.outs, lab.ins);
	assert_int_equal(lab.c.acks, lab.left_out);
	for (unsigned int i = 0; i < lab.ins; i++) {
		free(lab.in[i].data);
		free(lab.in[i].rest);
	}
	lab.ins = lab.outs = lab.merged = lab.refused = 0;
}

struct spec spec_start(void)
{
	return (struct spec){ .station = 1,
			      .ttl = 64,
			      .flags = 0x10,
			      .ip_flags = 0x4000,
			      .id = 7,
			      .window = 500,
			      .seq = 0xffffff00,
			      .options = 12,
			      .payload = 100 };
}

void spec_next(struct spec *s)
{
	s->seq += s->payload;
	s->id += !s->fixed_id;
}

bool give(const struct spec *s)
{
	static uint8_t f[FRAME_MAX];

	return take(f, spec_build(f, s), false, WHOLE);
}

void lab_begin(void)
{
	memset(&lab, 0, sizeof(lab));
	lab.c.ops = &ops;
	lab.accepting = true;
}
