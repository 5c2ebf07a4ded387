/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Receive coalescing. */
#include "net/coalesce.h"

#include "lib/string.h"
#include "net/offload.h"

#define IP4_HLEN     20U
#define IP4_TOS      1
#define IP4_LEN      2
#define IP4_ID       4
#define IP4_FLAGS    6 /* and the fragment's offset */
#define IP4_TTL      8
#define IP4_PROTO    9
#define IP4_CSUM     10
#define IP4_ADDRS    12
#define IP4_DF       0x4000
#define IP4_FRAGMENT 0x3fff
#define IPPROTO_TCP  6

#define TCP_HLEN_MIN 20U
#define TCP_SEQ      4
#define TCP_ACK      8
#define TCP_OFFSET   12 /* and the flags, 12 bits of them */
#define TCP_FLAGS    13
#define TCP_WINDOW   14
#define TCP_CSUM     16
#define TCP_URGENT   18
#define TCP_F_ALL    0xfff
#define TCP_F_PSH    0x008
#define TCP_F_ACK    0x010

/* A TCP segment; packet.l3, l4 and payload say where its parts begin. */
struct segment {
	struct packet *pkt;
	const uint8_t *ip, *tcp;
	uint8_t *data;  /* its payload in one piece; NULL: not known to be mergeable */
	uint32_t bytes; /* of payload */
	bool push;
};

static void sum_pseudo(const struct packet *pkt, uint32_t tcp_len, struct csum *c)
{
	csum_add_header(c, pkt->head + pkt->l3 + IP4_ADDRS, 8);
	csum_add_word(c, __builtin_bswap32(IPPROTO_TCP << 16 | tcp_len));
}

/* An unfragmented TCP segment of IPv4, whose ports are there: it belongs to a connection. */
static bool find_tcp(struct packet *pkt, struct segment *s)
{
	uint16_t ethertype, l3 = packet_l3(pkt, &ethertype);
	const uint8_t *ip = pkt->head + l3;
	uint32_t ihl;

	if (ethertype != ETHERTYPE_IP4 || pkt->head_len < l3 + IP4_HLEN)
		return false;
	ihl = (ip[0] & 15) * 4;
	if (ip[0] >> 4 != 4 || ihl < IP4_HLEN || ip[IP4_PROTO] != IPPROTO_TCP ||
	    get_be16(ip + IP4_FLAGS) & IP4_FRAGMENT || pkt->head_len < l3 + ihl + TCP_HLEN_MIN)
		return false;
	pkt->l3 = l3;
	pkt->l4 = l3 + ihl;
	*s = (struct segment){ .pkt = pkt, .ip = ip, .tcp = pkt->head + pkt->l4 };
	return true;
}

/* Nothing but data, in an IP header without options: what the frame says adds up to its length. */
static bool find_data(struct segment *s, struct packet_seg tail)
{
	struct packet *pkt = s->pkt;
	uint16_t flags = get_be16(s->tcp + TCP_OFFSET) & TCP_F_ALL;
	uint32_t tcp_hlen = (s->tcp[TCP_OFFSET] >> 4) * 4;
	struct csum ip_sum = { 0 };

	pkt->payload = pkt->l4 + tcp_hlen;
	if (pkt->l4 - pkt->l3 != IP4_HLEN || tcp_hlen < TCP_HLEN_MIN || pkt->payload >= pkt->len ||
	    get_be16(s->ip + IP4_LEN) != pkt->len - pkt->l3 || pkt->len - pkt->l3 > PACKET_MTU ||
	    get_be16(s->ip + IP4_FLAGS) & ~IP4_DF || (flags & ~TCP_F_PSH) != TCP_F_ACK)
		return false;
	csum_add_header(&ip_sum, s->ip, IP4_HLEN);
	s->bytes = pkt->len - pkt->payload;
	if (csum_fold(&ip_sum) != 0xffff || s->bytes > tail.len)
		return false;
	s->data = tail.data + tail.len - s->bytes;
	s->push = flags & TCP_F_PSH;
	return true;
}

/* By whoever brought it, or else by us: in a merged frame nobody can check it any more. */
static bool sum_holds(const struct segment *s)
{
	struct packet *pkt = s->pkt;
	struct csum c = { 0 };

	if (pkt->csum_valid)
		return true;
	sum_pseudo(pkt, pkt->len - pkt->l4, &c);
	csum_add_header(&c, s->tcp, pkt->payload - pkt->l4);
	csum_add(&c, s->data, s->bytes);
	pkt->csum_valid = csum_fold(&c) == 0xffff;
	return pkt->csum_valid;
}

/* n is constant, and this a few loads. */
static inline bool same(const uint8_t *a, const uint8_t *b, unsigned int n)
{
	return __builtin_memcmp(a, b, n) == 0;
}

static bool same_words(const uint8_t *a, const uint8_t *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i += 4)
		if (!same(a + i, b + i, 4))
			return false;
	return true;
}

/* The Ethernet header with its tag, the addresses and ports. */
static struct coalesce_flow *find_flow(struct coalesce *c, const struct segment *s)
{
	for (unsigned int i = 0, left = c->used; left; i++) {
		struct coalesce_flow *f = &c->flow[i];
		const uint8_t *head = f->pkt.head;

		if (!f->born)
			continue;
		left--;
		if (same(head + f->pkt.l4, s->tcp, 4) &&
		    same(head + f->pkt.l3 + IP4_ADDRS, s->ip + IP4_ADDRS, 8) &&
		    same(head, s->pkt->head, ETH_HLEN) &&
		    same_words(head + ETH_HLEN, s->pkt->head + ETH_HLEN, f->pkt.l3 - ETH_HLEN))
			return f;
	}
	return NULL;
}

/*
 * The id counts up by one, or stands still where it means nothing (DF, RFC 6864). The second
 * segment decides which.
 */
static bool id_follows(const struct coalesce_flow *f, const struct segment *s)
{
	const uint8_t *ip = f->pkt.head + f->pkt.l3;
	uint16_t step = get_be16(s->ip + IP4_ID) - get_be16(ip + IP4_ID);

	if (f->segments > 1)
		return step == (f->fixed_id ? 0 : f->segments);
	return step == 1 || (step == 0 && get_be16(ip + IP4_FLAGS) & IP4_DF);
}

static bool ip_follows(const struct coalesce_flow *f, const struct segment *s)
{
	const uint8_t *ip = f->pkt.head + f->pkt.l3;

	return ip[IP4_TOS] == s->ip[IP4_TOS] && ip[IP4_TTL] == s->ip[IP4_TTL] &&
	       same(ip + IP4_FLAGS, s->ip + IP4_FLAGS, 2) && id_follows(f, s);
}

/* Sequence number aside, headers are the same to the byte, but for PSH and the checksum. */
static bool tcp_follows(const struct coalesce_flow *f, const struct segment *s)
{
	const uint8_t *tcp = f->pkt.head + f->pkt.l4;
	uint32_t hlen = f->pkt.payload - f->pkt.l4, done = f->pkt.len - f->pkt.payload;

	return s->pkt->payload == f->pkt.payload &&
	       get_be32(s->tcp + TCP_SEQ) == get_be32(tcp + TCP_SEQ) + done &&
	       same(tcp + TCP_ACK, s->tcp + TCP_ACK, 4) &&
	       same(tcp + TCP_WINDOW, s->tcp + TCP_WINDOW, 2) &&
	       same(tcp + TCP_URGENT, s->tcp + TCP_URGENT, 2) &&
	       same_words(tcp + TCP_HLEN_MIN, s->tcp + TCP_HLEN_MIN, hlen - TCP_HLEN_MIN);
}

static bool has_room(const struct coalesce *c, const struct coalesce_flow *f,
		     const struct segment *s)
{
	return s->bytes <= f->size && f->pkt.len + s->bytes <= COALESCE_FRAME_MAX &&
	       f->pkt.segs < c->ops->pieces;
}

/* What the receiver's stack would get from a card that left it the segmentation. */
static void make_large(struct coalesce_flow *f)
{
	struct packet *pkt = &f->pkt;
	uint8_t *ip = pkt->head + pkt->l3, *tcp = pkt->head + pkt->l4;
	struct csum ip_sum = { 0 }, pseudo = { 0 };
	uint16_t sum;

	put_be16(ip + IP4_LEN, pkt->len - pkt->l3);
	put_be16(ip + IP4_CSUM, 0);
	csum_add_header(&ip_sum, ip, IP4_HLEN);
	sum = ~csum_fold(&ip_sum);
	memcpy(ip + IP4_CSUM, &sum, sizeof(sum));
	tcp[TCP_FLAGS] |= f->push ? TCP_F_PSH : 0;
	sum_pseudo(pkt, pkt->len - pkt->l4, &pseudo);
	sum = csum_fold(&pseudo);
	memcpy(tcp + TCP_CSUM, &sum, sizeof(sum));
	pkt->csum_valid = false;
	pkt->needs_csum = true;
	pkt->csum_start = pkt->l4;
	pkt->csum_offset = TCP_CSUM;
	pkt->gso = GSO_TCP4;
	pkt->gso_size = f->size;
}

static void send(struct coalesce *c, struct coalesce_flow *f)
{
	f->pkt.seg = f->piece;
	if (f->segments > 1) {
		make_large(f);
		c->merged++;
		c->merged_segments += f->segments;
	}
	f->born = 0;
	c->used--;
	c->ops->send(&f->pkt);
}

/* There is one in use. */
static struct coalesce_flow *oldest(struct coalesce *c)
{
	struct coalesce_flow *f = NULL;

	for (unsigned int i = 0, left = c->used; left; i++) {
		if (!c->flow[i].born)
			continue;
		left--;
		f = f && f->born < c->flow[i].born ? f : &c->flow[i];
	}
	return f;
}

/* One that is not in use. The first of them: searches end behind the last one that is. */
static struct coalesce_flow *take_free(struct coalesce *c)
{
	struct coalesce_flow *f = c->flow;

	if (c->used == COALESCE_FLOWS)
		send(c, oldest(c));
	while (f->born)
		f++;
	return f;
}

/* The frame's first bytes are in its head, the payload behind them stays where it is. */
static void begin(struct coalesce *c, const struct segment *s)
{
	struct coalesce_flow *f = take_free(c);
	uint32_t body = s->pkt->len - s->pkt->head_len;

	f->pkt = *s->pkt;
	f->pkt.segs = body != 0;
	f->piece[0] = (struct packet_seg){ s->data + s->bytes - body, body };
	f->born = ++c->births;
	c->used++;
	f->segments = 1;
	f->size = s->bytes;
	f->push = false;
}

static void join(struct coalesce_flow *f, const struct segment *s)
{
	const uint8_t *id = f->pkt.head + f->pkt.l3 + IP4_ID;

	f->fixed_id = f->segments == 1 ? same(id, s->ip + IP4_ID, 2) : f->fixed_id;
	f->piece[f->pkt.segs++] = (struct packet_seg){ s->data, s->bytes };
	f->pkt.len += s->bytes;
	f->segments++;
	f->push = s->push;
}

static __noinline void flush_station(struct coalesce *c, const uint8_t *dst)
{
	bool group = dst[0] & 1;

	if (group)
		coalesce_flush(c);
	for (unsigned int i = 0; c->used && i < COALESCE_FLOWS; i++) {
		struct coalesce_flow *f = &c->flow[i];

		if (f->born && same(f->pkt.head, dst, 6))
			send(c, f);
	}
}

/* Nothing to wait for behind a PSH; and one so small is not worth a frame of its own kind. */
static bool may_begin(const struct segment *s)
{
	return !s->push && s->bytes >= GSO_SIZE_MIN;
}

static __noinline bool take_segment(struct coalesce *c, struct segment *s, struct packet_seg tail)
{
	struct coalesce_flow *f = find_flow(c, s);

	if (!f && !c->ops->accepts(s->pkt))
		return false;
	if (!find_data(s, tail) || !sum_holds(s)) {
		if (f)
			send(c, f);
		return false;
	}
	if (f && ip_follows(f, s) && tcp_follows(f, s) && has_room(c, f, s)) {
		join(f, s);
		if (s->push || s->bytes < f->size)
			send(c, f);
		return true;
	}
	if (f)
		send(c, f);
	if (!may_begin(s))
		return false;
	begin(c, s);
	return true;
}

bool coalesce_take(struct coalesce *c, struct packet *pkt, struct packet_seg tail)
{
	struct segment s;

	if (find_tcp(pkt, &s))
		return take_segment(c, &s, tail);
	if (c->used)
		flush_station(c, pkt->head);
	return false;
}

void coalesce_flush(struct coalesce *c)
{
	while (c->used)
		send(c, oldest(c));
}
