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

/* The one option, as all lay it out (RFC 7323, appendix A): two NOPs in front. */
#define TCP_STAMPS      20
#define TCP_STAMPS_WORD 0x0101080aU
#define TCP_STAMPS_LEN  12U

/* A TCP segment and its payload. */
struct segment {
	const uint8_t *ip, *tcp;
	uint8_t *data;  /* in one piece */
	uint32_t bytes; /* of data */
	uint32_t hlen;  /* TCP's */
	bool push;
};

/* What TCP's checksum has of the pseudo header beside the addresses. */
static void sum_pseudo(uint32_t tcp_len, struct csum *c)
{
	csum_add_word(c, __builtin_bswap32(IPPROTO_TCP << 16 | tcp_len));
}

/* An unfragmented TCP segment of IPv4, whose ports are there: it belongs to a connection. */
static inline bool find_tcp(struct packet *pkt)
{
	uint16_t ethertype, l3 = packet_l3(pkt, &ethertype);
	const uint8_t *ip = pkt->head + l3;
	uint32_t ihl;

	if (ethertype != ETHERTYPE_IP4 || pkt->head_len < l3 + IP4_HLEN ||
	    ip[IP4_PROTO] != IPPROTO_TCP)
		return false;
	ihl = (ip[0] & 15) * 4;
	if (ip[0] >> 4 != 4 || ihl < IP4_HLEN || get_be16(ip + IP4_FLAGS) & IP4_FRAGMENT ||
	    pkt->head_len < l3 + ihl + TCP_HLEN_MIN)
		return false;
	pkt->l3 = l3;
	pkt->l4 = l3 + ihl;
	return true;
}

/*
 * IP's checksum and TCP's. That by whoever brought it, or else by us: in a merged frame nobody can
 * check it any more. IP's addresses lie right in front of TCP's header.
 */
static bool sums_hold(struct packet *pkt, const struct segment *s)
{
	struct csum ip = { 0 }, c = { 0 };

	csum_add_header(&ip, s->ip, IP4_HLEN);
	if (csum_fold(&ip) != 0xffff)
		return false;
	if (pkt->csum_valid)
		return true;
	sum_pseudo(s->hlen + s->bytes, &c);
	csum_add_header(&c, s->ip + IP4_ADDRS, IP4_HLEN - IP4_ADDRS + s->hlen);
	csum_add_word(&c, csum_bytes(s->data, s->bytes));
	pkt->csum_valid = csum_fold(&c) == 0xffff;
	return pkt->csum_valid;
}

/* In one piece, or not. */
static inline bool find_payload(struct segment *s, struct packet_seg tail, uint32_t bytes)
{
	if (bytes > tail.len)
		return false;
	s->bytes = bytes;
	s->data = tail.data + tail.len - bytes;
	return true;
}

/* Nothing but data, in an IP header without options: what the frame says adds up to its length. */
static inline bool find_data(struct packet *pkt, struct packet_seg tail, struct segment *s)
{
	uint32_t ip_len = pkt->len - pkt->l3;
	uint16_t flags;

	s->ip = pkt->head + pkt->l3;
	s->tcp = pkt->head + pkt->l4;
	s->hlen = (s->tcp[TCP_OFFSET] >> 4) * 4;
	pkt->payload = pkt->l4 + s->hlen;
	flags = get_be16(s->tcp + TCP_OFFSET) & TCP_F_ALL;
	if (pkt->l4 - pkt->l3 != IP4_HLEN || s->hlen < TCP_HLEN_MIN || pkt->payload >= pkt->len ||
	    get_be16(s->ip + IP4_LEN) != ip_len || ip_len > PACKET_MTU ||
	    get_be16(s->ip + IP4_FLAGS) & ~IP4_DF || (flags & ~TCP_F_PSH) != TCP_F_ACK)
		return false;
	s->push = flags & TCP_F_PSH;
	return find_payload(s, tail, pkt->len - pkt->payload);
}

/*
 * An acknowledgement and nothing else, all of it in the packet's head. What the frame has behind
 * IP's length is Ethernet's padding.
 */
static inline bool find_ack(struct packet *pkt, struct segment *s)
{
	s->ip = pkt->head + pkt->l3;
	s->tcp = pkt->head + pkt->l4;
	s->hlen = (s->tcp[TCP_OFFSET] >> 4) * 4;
	pkt->payload = pkt->l4 + s->hlen;
	s->data = pkt->head;
	s->bytes = 0;
	return pkt->head_len == pkt->len && pkt->l4 - pkt->l3 == IP4_HLEN &&
	       pkt->payload <= pkt->len && get_be16(s->ip + IP4_LEN) == IP4_HLEN + s->hlen &&
	       !(get_be16(s->ip + IP4_FLAGS) & ~IP4_DF) &&
	       (get_be16(s->tcp + TCP_OFFSET) & TCP_F_ALL) == TCP_F_ACK &&
	       (s->hlen == TCP_HLEN_MIN || (s->hlen == TCP_HLEN_MIN + TCP_STAMPS_LEN &&
					    get_be32(s->tcp + TCP_STAMPS) == TCP_STAMPS_WORD));
}

/* n is constant, and this a few loads. */
static inline bool same(const uint8_t *a, const uint8_t *b, unsigned int n)
{
	return __builtin_memcmp(a, b, n) == 0;
}

/* n is a multiple of 4. */
static inline bool same_words(const uint8_t *a, const uint8_t *b, uint32_t n)
{
	for (; n >= 8; a += 8, b += 8, n -= 8)
		if (!same(a, b, 8))
			return false;
	return !n || same(a, b, 4);
}

/* The Ethernet header with its tag, the addresses and ports; tcp: of a frame with the same l3. */
static inline bool is_of_flow(const struct coalesce_flow *f, const uint8_t *head,
			      const uint8_t *tcp)
{
	const uint8_t *of = f->pkt.head;
	uint32_t l3 = f->pkt.l3;

	return same(of + f->pkt.l4, tcp, 4) &&
	       same(of + l3 + IP4_ADDRS, head + l3 + IP4_ADDRS, 8) && same(of, head, ETH_HLEN) &&
	       (l3 == ETH_HLEN || same(of + ETH_HLEN, head + ETH_HLEN, VLAN_HLEN));
}

static inline struct coalesce_flow *find_flow(struct coalesce *c, const struct packet *pkt)
{
	for (unsigned int i = 0, left = c->used; left; i++) {
		struct coalesce_flow *f = &c->flow[i];

		if (!f->born)
			continue;
		left--;
		if (is_of_flow(f, pkt->head, pkt->head + pkt->l4))
			return f;
	}
	return NULL;
}

/*
 * The id counts up by one, or stands still where it means nothing (DF, RFC 6864). The second
 * segment decides which.
 */
static inline bool id_follows(const struct coalesce_flow *f, const uint8_t *ip)
{
	const uint8_t *first = f->pkt.head + f->pkt.l3;
	uint16_t step = get_be16(ip + IP4_ID) - get_be16(first + IP4_ID);

	if (f->segments > 1)
		return step == (f->fixed_id ? 0 : f->segments);
	return step == 1 || (step == 0 && get_be16(first + IP4_FLAGS) & IP4_DF);
}

/* Eight bytes, the first the lowest. */
static inline uint64_t load(const uint8_t *p)
{
	uint64_t word;

	__builtin_memcpy(&word, p, sizeof(word));
	return word;
}

#define PSH_BEHIND_ACK ((uint64_t)TCP_F_PSH << 8 * (TCP_FLAGS - TCP_ACK))

/*
 * All of the headers is the same to the bit, but for lengths, ids, sequence numbers, checksums and
 * PSH: then the frame is what the flow's first one was found to be. The second comparison begins in
 * the Ethernet header and ends behind IP's type of service.
 */
static inline bool repeats(const struct coalesce_flow *f, const uint8_t *head)
{
	const uint8_t *ip = head + f->pkt.l3, *ip1 = f->pkt.head + f->pkt.l3;
	const uint8_t *tcp = ip + IP4_HLEN, *tcp1 = ip1 + IP4_HLEN;

	return same(head, f->pkt.head, 8) && same(ip - 6, ip1 - 6, 8) &&
	       (f->pkt.l3 == ETH_HLEN || same(head + 8, f->pkt.head + 8, 4)) &&
	       same(ip + IP4_FLAGS, ip1 + IP4_FLAGS, 4) &&
	       same(ip + IP4_ADDRS, ip1 + IP4_ADDRS, 8) && same(tcp, tcp1, 4) &&
	       !((load(tcp + TCP_ACK) ^ load(tcp1 + TCP_ACK)) & ~PSH_BEHIND_ACK) &&
	       same(tcp + TCP_URGENT, tcp1 + TCP_URGENT, 2) &&
	       same_words(tcp + TCP_HLEN_MIN, tcp1 + TCP_HLEN_MIN,
			  f->pkt.payload - f->pkt.l4 - TCP_HLEN_MIN);
}

static inline uint32_t load32(const uint8_t *p)
{
	uint32_t word;

	__builtin_memcpy(&word, p, sizeof(word));
	return word;
}

static inline uint16_t load16(const uint8_t *p)
{
	uint16_t word;

	__builtin_memcpy(&word, p, sizeof(word));
	return word;
}

/* All but IP's length, id and sum; TCP's sequence number, sum, and length in its pseudo header. */
static __noinline void sum_common(struct coalesce_flow *f)
{
	const uint8_t *ip = f->pkt.head + f->pkt.l3, *tcp = f->pkt.head + f->pkt.l4;
	struct csum of_ip = { .sum = load16(ip) }, of_tcp = { .sum = load(ip + IP4_ADDRS) };

	csum_add_word(&of_ip, load32(ip + IP4_FLAGS));
	csum_add_word(&of_ip, load(ip + IP4_ADDRS));
	csum_add_word(&of_tcp, load32(tcp));
	csum_add_word(&of_tcp, load(tcp + TCP_ACK)); /* offset, flags, window too */
	csum_add_word(&of_tcp, load16(tcp + TCP_URGENT));
	csum_add_header(&of_tcp, tcp + TCP_HLEN_MIN, f->pkt.payload - f->pkt.l4 - TCP_HLEN_MIN);
	f->ip_sum = of_ip.sum;
	f->tcp_sum = of_tcp.sum;
}

/* sums_hold() of a segment whose header repeats the first one's, which has no PSH. */
static inline bool sums_follow(struct coalesce_flow *f, struct packet *pkt, const struct segment *s)
{
	struct csum ip = { .sum = f->ip_sum }, tcp = { .sum = f->tcp_sum };

	csum_add_word(&ip, load32(s->ip + IP4_LEN)); /* and the id */
	csum_add_word(&ip, load16(s->ip + IP4_CSUM));
	if (csum_fold(&ip) != 0xffff)
		return false;
	if (pkt->csum_valid)
		return true;
	sum_pseudo(s->hlen + s->bytes, &tcp);
	csum_add_word(&tcp, load32(s->tcp + TCP_SEQ));
	csum_add_word(&tcp, load16(s->tcp + TCP_CSUM));
	csum_add_word(&tcp, s->push ? TCP_F_PSH << 8 : 0);
	csum_add_word(&tcp, csum_bytes(s->data, s->bytes));
	pkt->csum_valid = csum_fold(&tcp) == 0xffff;
	return pkt->csum_valid;
}

static inline bool has_room(const struct coalesce *c, const struct coalesce_flow *f,
			    const struct segment *s)
{
	return s->bytes <= f->size && f->pkt.len + s->bytes <= COALESCE_FRAME_MAX &&
	       f->pkt.segs < c->ops->pieces;
}

/* Is it the flow's next segment? */
static inline bool follows(const struct coalesce *c, struct coalesce_flow *f, struct packet *pkt,
			   struct packet_seg tail, struct segment *s)
{
	uint32_t payload = f->pkt.payload;
	const uint8_t *tcp1 = f->pkt.head + f->pkt.l4;

	if (pkt->len <= payload || !repeats(f, pkt->head))
		return false;
	s->ip = pkt->head + f->pkt.l3;
	s->tcp = pkt->head + f->pkt.l4;
	s->hlen = payload - f->pkt.l4;
	s->push = s->tcp[TCP_FLAGS] & TCP_F_PSH;
	if (!find_payload(s, tail, pkt->len - payload) || !has_room(c, f, s) ||
	    get_be16(s->ip + IP4_LEN) != pkt->len - f->pkt.l3 || !id_follows(f, s->ip) ||
	    get_be32(s->tcp + TCP_SEQ) != get_be32(tcp1 + TCP_SEQ) + f->pkt.len - payload)
		return false;
	if (f->segments == 1)
		sum_common(f);
	return sums_follow(f, pkt, s);
}

/* From one of these numbers to the other, which may have wrapped: less than 0 is back. */
static inline int32_t step(const uint8_t *from, const uint8_t *to)
{
	return (int32_t)(get_be32(to) - get_be32(from));
}

/*
 * The held acknowledgement is said again by this one, which says more, and nothing else differs
 * that a sender looks at. The window is the later one's.
 */
static bool says_again(const struct coalesce_flow *f, struct packet *pkt, struct segment *s)
{
	const uint8_t *ip1 = f->pkt.head + f->pkt.l3, *tcp1 = f->pkt.head + f->pkt.l4;

	if (f->size || !find_ack(pkt, s) || pkt->payload != f->pkt.payload)
		return false;
	if (s->ip[IP4_TOS] != ip1[IP4_TOS] || !same(s->tcp + TCP_SEQ, tcp1 + TCP_SEQ, 4) ||
	    step(tcp1 + TCP_ACK, s->tcp + TCP_ACK) <= 0)
		return false;
	if (s->hlen > TCP_HLEN_MIN && (step(tcp1 + TCP_STAMPS + 4, s->tcp + TCP_STAMPS + 4) < 0 ||
				       step(tcp1 + TCP_STAMPS + 8, s->tcp + TCP_STAMPS + 8) < 0))
		return false;
	return sums_hold(pkt, s);
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
	sum_pseudo(pkt->len - pkt->l4, &pseudo);
	csum_add_header(&pseudo, ip + IP4_ADDRS, 8);
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
static __noinline void begin(struct coalesce *c, const struct packet *pkt, const struct segment *s)
{
	struct coalesce_flow *f = take_free(c);
	uint32_t body = pkt->len - pkt->head_len;

	f->pkt = *pkt;
	f->pkt.segs = body != 0;
	f->piece[0] = (struct packet_seg){ s->data + s->bytes - body, body };
	f->born = ++c->births;
	c->used++;
	c->latest = f;
	f->segments = 1;
	f->size = s->bytes;
	f->push = false;
}

static inline void join(struct coalesce_flow *f, const struct segment *s)
{
	if (f->segments == 1)
		f->fixed_id = same(f->pkt.head + f->pkt.l3 + IP4_ID, s->ip + IP4_ID, 2);
	f->piece[f->pkt.segs++] = (struct packet_seg){ s->data, s->bytes };
	f->pkt.len += s->bytes;
	f->segments++;
	f->push = s->push;
}

/* If it does not join, nothing has changed but that its checksum may be known to be right. */
static inline bool may_join(struct coalesce *c, struct coalesce_flow *f, struct packet *pkt,
			    struct packet_seg tail)
{
	struct segment s;

	if (!follows(c, f, pkt, tail, &s))
		return false;
	join(f, &s);
	if (s.push || s.bytes < f->size)
		send(c, f);
	return true;
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

/* One that may begin a flow: data, or an acknowledgement that a later one may stand for. */
static bool is_first(struct packet *pkt, struct packet_seg tail, struct segment *s)
{
	if (find_data(pkt, tail, s))
		return sums_hold(pkt, s) && may_begin(s);
	return find_ack(pkt, s) && sums_hold(pkt, s);
}

static bool take_next(struct coalesce *c, struct packet *pkt, struct packet_seg tail);

/* Not in line, as the next ones: what is no segment would pay for its registers. */
static __noinline bool take_segment(struct coalesce *c, struct packet *pkt, struct packet_seg tail)
{
	struct coalesce_flow *f = find_flow(c, pkt);
	struct segment s;

	if (!f && !c->ops->accepts(pkt))
		return false;
	if (f && f != c->latest) {
		c->latest = f;
		return take_next(c, pkt, tail); /* and not to here again */
	}
	if (f && says_again(f, pkt, &s)) {
		f->pkt = *pkt;
		c->acks++;
		return true;
	}
	if (f)
		send(c, f);
	if (!is_first(pkt, tail, &s))
		return false;
	begin(c, pkt, &s);
	return true;
}

static __noinline bool take_any(struct coalesce *c, struct packet *pkt, struct packet_seg tail)
{
	if (find_tcp(pkt))
		return take_segment(c, pkt, tail);
	if (c->used)
		flush_station(c, pkt->head);
	return false;
}

/* Something is held. Most likely the frame follows the one before. */
static __noinline bool take_next(struct coalesce *c, struct packet *pkt, struct packet_seg tail)
{
	return (c->latest->born && may_join(c, c->latest, pkt, tail)) || take_any(c, pkt, tail);
}

bool coalesce_take(struct coalesce *c, struct packet *pkt, struct packet_seg tail)
{
	return c->used ? take_next(c, pkt, tail) : take_any(c, pkt, tail);
}

void coalesce_flush(struct coalesce *c)
{
	while (c->used)
		send(c, oldest(c));
}
