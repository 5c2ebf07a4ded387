/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames that leave work to the card: TCP and UDP over IPv4 and IPv6, tagged or not, with options,
 * checksums to complete, segments to cut, in few descriptors or many. op_offers() makes good ones
 * (tally.h), to nobody on the wire and to the guest that judges; op_lies() makes of a good one
 * what no driver would send. An operation is one frame, but they are handed over in batches, and
 * each batch is waited for.
 */
#include "card.h"
#include "cpu/x86.h"
#include "hostile.h"
#include "lib/print.h"
#include "tally.h"

#include <string.h>

#define FRAMES     32 /* of a batch */
#define BUFFER     2048
#define HDR        12
#define ETH        14u
#define ANOTHER    (CARD_FEATURES & ~0x20000000u) /* without EVENT_IDX */
#define PIECES     17
#define PIECES_MAX 64
#define MTU        1500u
#define IP_MAX     65535u
#define TCP        6
#define UDP        17
#define PATIENCE   (1ull << 28)

/* A frame on its way: `head` bytes at b, the virtio header first, then `body` of a pattern. */
struct offer {
	uint8_t *b;
	uint32_t head, body;
	const uint8_t *from;
	uint32_t l3, l4, size; /* size: of a segment */
	bool four, tcp;
};

static const uint8_t own[] = { 0x52, 0x54, 0, 0x88, 0, 0x12, 10, 88, 0, 12 };
static const uint8_t nobody[] = { 2, 0, 0, 0, 0, 1, 10, 88, 0, 99 };
static const uint8_t judge[] = { 0x52, 0x54, 0, 0x88, 0, 0x13, 10, 88, 0, 13 };

static uint8_t buffers[FRAMES][BUFFER] __attribute__((aligned(4096)));
static unsigned int used_descs, used_frames; /* of the batch */
static unsigned int batches;
static struct tally to_wire, to_judge;

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

/* Ethernet, IP and TCP or UDP; lengths and sums are still to come. */
static void make_headers(struct offer *o, const uint8_t *to)
{
	uint32_t words = random_below(4) ? 0 : random_below(11), at;
	uint8_t *f = o->b + HDR, *ip;

	o->four = random_below(3);
	o->tcp = random_below(3);
	o->l3 = ETH + (random_below(4) ? 0 : 4);
	memset(o->b, 0, BUFFER);
	memcpy(f, to, 6);
	memcpy(f + 6, own, 6);
	if (o->l3 != ETH)
		put32(f + 12, 0x81000005);
	put16(f + o->l3 - 2, o->four ? 0x0800 : 0x86dd);
	ip = f + o->l3;
	if (o->four) {
		ip[0] = (uint8_t)(0x45 + words);
		memset(ip + 20, 1, 4 * words); /* no operation */
		put16(ip + 4, (uint32_t)random64());
		put32(ip + 8, 64u << 24 | (o->tcp ? TCP : UDP) << 16);
		memcpy(ip + 12, own + 6, 4);
		memcpy(ip + 16, to + 6, 4);
	} else {
		put32(ip, 0x60000000);
		put16(ip + 6, (o->tcp ? TCP : UDP) << 8 | 64);
		ip[8] = ip[24] = 0xfd;
		memcpy(ip + 20, own + 6, 4);
		memcpy(ip + 36, to + 6, 4);
	}
	o->l4 = o->l3 + (o->four ? 20 + 4 * words : 40);
	at = (uint32_t)random64();
	o->from = tally_pattern(at);
	if (o->tcp) {
		words = random_below(4) ? 0 : random_below(11);
		put32(f + o->l4, 0x04d20050);
		put32(f + o->l4 + 4, at);
		put32(f + o->l4 + 12, (5 + words) << 28 | 0x18ffff);
		memset(f + o->l4 + 20, 1, 4 * words);
		o->head = HDR + o->l4 + 20 + 4 * words;
	} else {
		put32(f + o->l4, at);
		o->head = HDR + o->l4 + 8;
	}
}

/* How much payload, and how the card is to cut it: seldom without a rest. */
static void choose_sizes(struct offer *o)
{
	static const uint16_t sizes[] = { 48, 99, 536, 1000, 1024, 1025, 1360, MTU };
	uint32_t headers = o->head - HDR - o->l3, size = sizes[random_below(8)];
	bool cut = o->tcp && random_below(2);

	o->size = MTU - headers;
	if (!cut) {
		o->body = random_below(o->size + 1);
		return;
	}
	if (size < o->size)
		o->size = size;
	o->body = 1 + random_below(random_below(8) ? 4 * o->size : IP_MAX - headers);
	o->b[1] = o->four ? 1 : 4;
	o->b[4] = (uint8_t)o->size; /* the virtio header is little-endian */
	o->b[5] = (uint8_t)(o->size >> 8);
}

/* A good frame, with all that is the card's to do left to it. */
static void make_offer(struct offer *o, const uint8_t *to)
{
	uint8_t *f = o->b + HDR, *ip, *l4;
	uint32_t len;

	make_headers(o, to);
	choose_sizes(o);
	ip = f + o->l3;
	l4 = f + o->l4;
	len = o->head - HDR - o->l4 + o->body;
	o->b[0] = 1; /* NEEDS_CSUM */
	o->b[2] = (uint8_t)(o->head - HDR);
	o->b[6] = (uint8_t)o->l4;
	o->b[8] = o->tcp ? 16 : 6;
	if (o->four) {
		put16(ip + 2, o->l4 - o->l3 + len);
		put16(ip + 10, ~tally_sum(0, ip, o->l4 - o->l3));
	} else {
		put16(ip + 4, len);
	}
	if (o->tcp)
		put16(l4 + 18, o->size);
	else
		put16(l4 + 4, len);
	put16(l4 + o->b[8], tally_pseudo_sum(ip, o->tcp ? TCP : UDP, len));
}

/* One more descriptor of the frame, chained to the last one. */
static void add_piece(const uint8_t *p, uint32_t len)
{
	queues[CARD_TX].desc[used_descs] =
		(struct desc){ (uint64_t)p, len, 1, (uint16_t)(used_descs + 1) };
	used_descs++;
}

static void add_pieces(const uint8_t *p, uint32_t len, uint32_t pieces)
{
	while (len) {
		uint32_t n = pieces > 1 ? 1 + random_below(2 * len / pieces + 1) : len;

		n = n < len ? n : len;
		add_piece(p, n);
		p += n;
		len -= n;
		pieces -= pieces > 1;
	}
}

/* Hands a frame over, in one piece or in as many as a batch has room for. */
static void hand_over(const struct offer *o)
{
	struct queue *q = &queues[CARD_TX];
	uint32_t pieces = 1 + random_below(random_below(16) ? PIECES : PIECES_MAX);
	uint16_t first = (uint16_t)used_descs;
	uint32_t in_head = o->body ? 1 + random_below(pieces) : pieces;

	if (random_below(16) == 0)
		add_piece(o->b, 0);
	if (o->body <= BUFFER - o->head && random_below(2)) {
		memcpy(o->b + o->head, o->from, o->body);
		add_pieces(o->b, o->head + o->body, pieces);
	} else {
		add_pieces(o->b, o->head, in_head);
		add_pieces(o->from, o->body, pieces > in_head ? pieces - in_head : 1);
	}
	q->desc[used_descs - 1].flags = 0;
	q->avail.ring[(uint16_t)(q->avail.idx + used_frames) % CARD_QUEUE_SIZE] = first;
	used_frames++;
}

/* All that was handed over is done with, however long the uplink is busy. */
static void finish_batch(void)
{
	struct queue *q = &queues[CARD_TX];

	__asm__ volatile("" : : : "memory");
	q->avail.idx += (uint16_t)used_frames;
	kick(CARD_TX);
	for (uint64_t n = 1; *(volatile uint16_t *)&q->used.idx != q->avail.idx; n++) {
		cpu_relax();
		if (n % 65536 == 0)
			kick(CARD_TX);
		if (n == PATIENCE) {
			print("hostile: FAILED: frames are not taken\n");
			broken = 1;
			break;
		}
	}
	operations += used_frames - 1; /* the caller counts one */
	used_descs = used_frames = 0;
}

static bool has_room(void)
{
	return used_frames < FRAMES && used_descs + PIECES_MAX + 3 <= CARD_QUEUE_SIZE;
}

static void count(struct tally *t, const struct offer *o)
{
	t->frames += o->b[1] ? (o->body + o->size - 1) / o->size : 1;
	t->bytes += o->body;
	t->ends++;
}

void op_offers(void)
{
	struct offer o;

	if (broken)
		card_set_up(CARD_FEATURES);
	while (has_room()) {
		bool to_guest = random_below(2);

		o.b = buffers[used_frames];
		make_offer(&o, to_guest ? judge : nobody);
		hand_over(&o);
		count(to_guest ? &to_judge : &to_wire, &o);
	}
	finish_batch();
}

static void aim(uint8_t *f)
{
	static const uint8_t group[] = { 0x01, 0x00, 0x5e, 0, 0, 1 };
	uint8_t *mac = f + 6 * random_below(2);

	switch (random_below(5)) {
	case 0:
		memset(mac, 0xff, 6);
		break;
	case 1:
		memcpy(mac, group, 6);
		break;
	case 2:
		memcpy(mac, own, 6);
		mac[5] = 0x11; /* the victim */
		break;
	case 3:
		memcpy(mac, own, 6);
		break;
	default:
		mac[random_below(6)] = (uint8_t)random64();
	}
}

static void fill(uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		p[i] = (uint8_t)random64();
}

/* ARP, of a sender that may be somebody else. */
static void make_claim(struct offer *o)
{
	uint8_t *f = o->b + HDR;

	put16(f + 12, 0x0806);
	memcpy(f + 14, "\0\1\10\0\6\4\0\1", 8);
	memcpy(f + 22, own, 10);
	if (random_below(2))
		f[22 + random_below(10)] = (uint8_t)random64();
	o->head = HDR + 42;
	o->body = 0;
	o->b[0] = 0;
}

/* Makes one thing of a frame another, or all of it. */
static void lie(struct offer *o)
{
	uint32_t field = 2 + 2 * random_below(5);

	switch (random_below(10)) {
	case 0:
		fill(o->b, HDR);
		break;
	case 1:
		o->b[random_below(2)] = (uint8_t)random_value();
		break;
	case 2:
		o->b[field] = (uint8_t)random_value();
		o->b[field + 1] = (uint8_t)random_value();
		break;
	case 3:
		for (unsigned int n = 1 + random_below(4); n; n--)
			o->b[random_below(o->head)] = (uint8_t)random_value();
		break;
	case 4:
		o->body = random_below(random_below(4) ? 2000 : TALLY_BODY_MAX + 1);
		break;
	case 5:
		o->head = 1 + random_below(o->head);
		o->body = random_below(64);
		break;
	case 6:
		fill(o->b + HDR + 12, random_below(BUFFER - HDR - 12));
		break;
	case 7:
		make_claim(o);
		break;
	case 8: /* the sum to where addresses are */
		o->b[6] = (uint8_t)(ETH + random_below(40));
		o->b[8] = (uint8_t)random_below(24);
		break;
	default:
		aim(o->b + HDR);
	}
}

/* Some of the frames stay good, so that what bad ones leave behind would be met. */
void op_lies(void)
{
	struct offer o;

	if (broken || batches++ % 256 == 0) {
		if (!random_below(4))
			card_set_up((uint32_t)random64() & CARD_FEATURES);
		if (broken || random_below(2))
			card_set_up(random_below(2) ? CARD_FEATURES : ANOTHER);
	}
	while (has_room()) {
		o.b = buffers[used_frames];
		make_offer(&o, nobody);
		for (unsigned int n = random_below(4); n; n--)
			lie(&o);
		hand_over(&o);
	}
	finish_batch();
}

void offers_report(void)
{
	if (to_wire.frames)
		print("\nhostile: offered wire=%lu %lu %lu judge=%lu %lu %lu\n", to_wire.frames,
		      to_wire.bytes, to_wire.ends, to_judge.frames, to_judge.bytes, to_judge.ends);
}
