/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checksums and segmentation in software. */
#include "net/offload.h"

#include "lib/string.h"

#define IP4_LEN     2
#define IP4_ID      4
#define IP4_CSUM    10
#define IP4_ADDRS   12
#define IP6_LEN     4
#define IP6_HLEN    40
#define IP6_ADDRS   8
#define TCP_SEQ     4
#define TCP_FLAGS   13
#define TCP_CSUM    16
#define TCP_FIN_PSH 0x09
#define TCP_CWR     0x80
#define UDP_CSUM    6
#define IPPROTO_TCP 6

/* One is 4 bytes long, as the jump into a row of them expects. */
#define ADC(off)   "%{disp8%} adcq " #off "(%1), %0\n\t"
#define ADC4(off)  ADC(off) ADC(8 + off) ADC(16 + off) ADC(24 + off)
#define ADC16(off) ADC4(off) ADC4(32 + off) ADC4(64 + off) ADC4(96 + off)
#define ROW        "1:\t" ADC16(-128) ADC16(0) "2:\t"
#define TURN       32U /* words, as many as have a displacement of one byte */

/*
 * n > 0 words. Where frames are summed up this is where time goes, and a compiler makes three
 * instructions of what adc does in one. The first turn begins behind as many words as it has too
 * many. XOR clears the carry; JMP, LEA and DEC leave it as it is.
 */
static uint64_t sum_words(const uint8_t *p, uint32_t n)
{
	uint64_t sum, turns = (n + TURN - 1) / TURN, skip = -n % TURN;
	const uint8_t *at = p + 128 - 8 * skip;

	asm volatile("leaq 1f(%%rip), %0\n\t"
		     "leaq (%0, %3, 4), %3\n\t"
		     "xorl %k0, %k0\n\t"
		     "jmp *%3\n" ROW "leaq 256(%1), %1\n\t"
		     "decq %2\n\t"
		     "jnz 1b\n\t"
		     "adcq $0, %0\n\t"
		     ".if 2b - 1b - 128\n\t.error \"adc is not 4 bytes long\"\n\t.endif"
		     : "=&r"(sum), "+&r"(at), "+&r"(turns), "+&r"(skip)
		     :
		     : "cc", "memory");
	return sum;
}

/* Up to 7 bytes, and zeros. */
static uint64_t last_word(const uint8_t *p, uint32_t len)
{
	uint64_t word = 0;

	for (uint32_t i = 0; i < len; i++)
		word |= (uint64_t)p[i] << 8 * i;
	return word;
}

uint64_t csum_bytes(const void *data, uint32_t len)
{
	struct csum c = { .sum = len < 8 ? 0 : sum_words(data, len / 8) };

	if (len % 8)
		csum_add_word(&c, last_word((const uint8_t *)data + (len & ~7U), len % 8));
	return c.sum;
}

void csum_add(struct csum *c, const void *data, uint32_t len)
{
	uint64_t sum = csum_bytes(data, len);

	/* To swap the bytes of each 16 is to turn the whole by 8 bits. */
	csum_add_word(c, c->odd ? sum << 8 | sum >> 56 : sum);
	c->odd ^= len & 1;
}

/* Each half to the other: the carry of the lower is what comes in again in the upper. */
uint16_t csum_fold(const struct csum *c)
{
	uint32_t half = (c->sum + (c->sum << 32 | c->sum >> 32)) >> 32;

	return (half + (half << 16 | half >> 16)) >> 16;
}

static void csum_add_body(struct csum *c, struct packet_cursor cur, uint32_t len)
{
	const uint8_t *piece;
	uint32_t n;

	while (len && (n = packet_cursor_next(&cur, len, &piece))) {
		csum_add(c, piece, n);
		len -= n;
	}
}

static void csum_store(uint8_t *at, uint16_t sum)
{
	__builtin_memcpy(at, &sum, 2);
}

void offload_begin(struct offload_iter *it, const struct packet *pkt,
		   const struct offload_caps *caps)
{
	it->pkt = pkt;
	it->caps = *caps;
	it->done = 0;
	it->end = 1;
	it->cut = offload_cuts(pkt, caps);
	if (!it->cut)
		return;
	it->done = pkt->resume;
	it->end = pkt->len - pkt->payload;
	packet_cursor_set(&it->next, pkt, pkt->payload + it->done);
}

/*
 * The sum runs to the end of the frame; a UDP sum of 0 is sent as all ones (RFC 768). Not in line:
 * the frames that need none would pay for its registers.
 */
static void __noinline complete_csum(struct offload_iter *it, const struct packet *pkt,
				     struct offload_frame *frame)
{
	struct csum c = { 0 };
	uint16_t sum;

	memcpy(it->head, pkt->head, pkt->head_len);
	csum_add(&c, it->head + pkt->csum_start, pkt->head_len - pkt->csum_start);
	csum_add_body(&c, frame->body, frame->body_len);
	sum = ~csum_fold(&c);
	if (!sum && pkt->csum_offset == UDP_CSUM)
		sum = 0xffff;
	csum_store(it->head + pkt->csum_start + pkt->csum_offset, sum);
	frame->head = it->head;
}

/* The frame as it is, but for a checksum that the receiver wants finished. */
void offload_whole(struct offload_iter *it, const struct packet *pkt,
		   const struct offload_caps *caps, struct offload_frame *frame)
{
	frame->head = pkt->head;
	frame->head_len = pkt->head_len;
	frame->body = packet_body(pkt);
	frame->body_len = pkt->len - pkt->head_len;
	frame->hdr = (struct virtio_net_hdr){ 0 };
	if (pkt->needs_csum && !caps->csum) {
		complete_csum(it, pkt, frame);
	} else if (pkt->needs_csum) {
		frame->hdr.flags = VIRTIO_NET_HDR_NEEDS_CSUM;
		frame->hdr.csum_start = pkt->csum_start;
		frame->hdr.csum_offset = pkt->csum_offset;
	} else if (pkt->csum_valid && caps->csum) {
		frame->hdr.flags = VIRTIO_NET_HDR_DATA_VALID;
	}
	if (pkt->gso != GSO_NONE) {
		frame->hdr.gso_type = pkt->gso | (pkt->gso_ecn ? VIRTIO_NET_HDR_GSO_ECN : 0);
		frame->hdr.gso_size = pkt->gso_size;
		frame->hdr.hdr_len = pkt->payload;
	}
}

static void patch_ip(struct offload_iter *it, uint32_t body_len)
{
	const struct packet *pkt = it->pkt;
	uint8_t *ip = it->head + pkt->l3;
	uint32_t len = pkt->payload - pkt->l3 + body_len;
	struct csum c = { 0 };

	if (pkt->gso == GSO_TCP6) {
		put_be16(ip + IP6_LEN, len - IP6_HLEN);
		return;
	}
	put_be16(ip + IP4_LEN, len);
	put_be16(ip + IP4_ID, get_be16(ip + IP4_ID) + it->done / pkt->gso_size);
	put_be16(ip + IP4_CSUM, 0);
	csum_add(&c, ip, pkt->l4 - pkt->l3);
	csum_store(ip + IP4_CSUM, ~csum_fold(&c));
}

/*
 * Sequence number and flags: PSH and FIN belong to the last segment, CWR to the first (RFC 3168).
 */
static void patch_tcp(struct offload_iter *it, bool last)
{
	uint8_t *tcp = it->head + it->pkt->l4;

	put_be32(tcp + TCP_SEQ, get_be32(tcp + TCP_SEQ) + it->done);
	if (!last)
		tcp[TCP_FLAGS] &= ~TCP_FIN_PSH;
	if (it->done)
		tcp[TCP_FLAGS] &= ~TCP_CWR;
}

/* Pseudo header: addresses, protocol, length of TCP header and data. */
static void sum_pseudo_header(struct csum *c, const struct offload_iter *it, uint32_t tcp_len)
{
	const struct packet *pkt = it->pkt;
	const uint8_t *ip = it->head + pkt->l3;
	uint8_t tail[4] = { 0, IPPROTO_TCP, 0, 0 };

	put_be16(tail + 2, tcp_len);
	if (pkt->gso == GSO_TCP4)
		csum_add(c, ip + IP4_ADDRS, 8);
	else
		csum_add(c, ip + IP6_ADDRS, 32);
	csum_add(c, tail, sizeof(tail));
}

static void csum_segment(struct offload_iter *it, struct offload_frame *frame)
{
	const struct packet *pkt = it->pkt;
	uint32_t tcp_hlen = pkt->payload - pkt->l4;
	uint8_t *tcp = it->head + pkt->l4;
	struct csum c = { 0 };

	sum_pseudo_header(&c, it, tcp_hlen + frame->body_len);
	if (it->caps.csum) {
		csum_store(tcp + TCP_CSUM, csum_fold(&c));
		frame->hdr.flags = VIRTIO_NET_HDR_NEEDS_CSUM;
		frame->hdr.csum_start = pkt->l4;
		frame->hdr.csum_offset = TCP_CSUM;
		return;
	}
	csum_store(tcp + TCP_CSUM, 0);
	csum_add(&c, tcp, tcp_hlen);
	csum_add_body(&c, frame->body, frame->body_len);
	csum_store(tcp + TCP_CSUM, ~csum_fold(&c));
}

static void skip_body(struct packet_cursor *cur, uint32_t len)
{
	const uint8_t *piece;
	uint32_t n;

	while (len && (n = packet_cursor_next(cur, len, &piece)))
		len -= n;
}

static void next_segment(struct offload_iter *it, struct offload_frame *frame)
{
	const struct packet *pkt = it->pkt;
	uint32_t left = it->end - it->done;

	*frame = (struct offload_frame){ .head = it->head, .head_len = pkt->payload };
	frame->body = it->next;
	frame->body_len = MIN(left, pkt->gso_size);
	memcpy(it->head, pkt->head, pkt->payload);
	patch_ip(it, frame->body_len);
	patch_tcp(it, frame->body_len == left);
	csum_segment(it, frame);
	skip_body(&it->next, frame->body_len);
	it->done += frame->body_len;
}

void offload_make(struct offload_iter *it, struct offload_frame *frame)
{
	if (it->cut) {
		next_segment(it, frame);
	} else {
		offload_whole(it, it->pkt, &it->caps, frame);
		it->done = 1;
	}
	frame->payload_done = it->done;
}
