/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket buffers for the driver's transmit function. */
#include "twin/fill.h"

#include "kernel_abi.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "twin/interface.h"
#include "twin/loan.h"
#include "twin/native.h"
#include "twin/native_frags.h"
#include "twin/native_skb.h"

#define HEADROOM         64
#define FRAME_MIN        60 /* padded here: the driver never needs __skb_pad() */
#define CHECKSUM_PARTIAL 3
#define DWORD            4
#define HAS(name)        INTERFACE_FEATURE(name)
#define FOR_LARGE        (HAS(HW_CSUM) | HAS(SG) | HAS(TSO))

/*
 * Pages that a frame which was turned away needs, the most of any; 0: none was since one was taken.
 * Until there are so many no smaller one is taken either, or it might wait for ever.
 */
static uint32_t lacking;

static uint32_t pages_of(const struct packet *pkt)
{
	return (pkt->len - pkt->payload + PAGE_SIZE - 1) / PAGE_SIZE;
}

/*
 * A frame for the card, whatever it is free to do. Cutting one behind a VLAN tag, or TCP over IPv6,
 * is nothing that e1000 offers.
 */
static bool is_for_card(const struct packet *pkt)
{
	return pkt->gso == GSO_TCP4 && !pkt->gso_ecn && !pkt->resume && pkt->l3 == ETH_HLEN &&
	       pkt->gso_size >= OFFLOAD_CARD_SEGMENT_MIN && pages_of(pkt) <= FRAGS_MAX;
}

/* 0; -EAGAIN: frames under way have them; -ENOMEM: there are not so many. */
static int look_for_pages(uint32_t n)
{
	if (n <= pool_level(CASTOR_PAGE) && pool_tied() + loan_pages() + n <= FILL_PAGES)
		return 0;
	return pool_tied() ? -EAGAIN : -ENOMEM;
}

/*
 * e1000 has a sum made for IP alone. For any other frame it tells the log about it, by upcalls that
 * a guest could cause with each frame.
 */
static bool card_sums(const struct packet *pkt)
{
	uint16_t ethertype;

	packet_l3(pkt, &ethertype);
	return ethertype == ETHERTYPE_IP4 || ethertype == ETHERTYPE_IP6;
}

int fill_plan(const struct packet *pkt, struct offload_caps *caps)
{
	uint64_t has = interface_features();
	int err;

	*caps = (struct offload_caps){ .csum = has & HAS(HW_CSUM) && card_sums(pkt) };
	if (!is_for_card(pkt) || (has & FOR_LARGE) != FOR_LARGE)
		return 0;
	lacking = MAX(lacking, pages_of(pkt));
	err = look_for_pages(lacking);
	if (err == -EAGAIN)
		return err;
	lacking = 0;
	caps->tso4 = !err;
	return 0;
}

bool fill_has_room(void)
{
	return pool_level(CASTOR_SKB) > 0 && look_for_pages(lacking) != -EAGAIN;
}

/* A frame that ends early leaves zeros, and nothing of whoever had the buffer before. */
static void copy(uint8_t *dst, struct packet_cursor *from, uint32_t left)
{
	const uint8_t *piece;
	uint32_t n;

	while (left && (n = packet_cursor_next(from, left, &piece))) {
		memcpy(dst, piece, n);
		dst += n;
		left -= n;
	}
	if (left)
		memset(dst, 0, left);
}

/* Whole Ethernet frame of len bytes, the first `linear` of them at `start` in the buffer. */
static void describe(struct pool_object *o, uint32_t start, uint32_t linear, uint32_t len)
{
	uint8_t *skb = o->hva;
	uint16_t proto;

	skb_init(skb, o->data, o->data_dva, o->bytes, false, true);
	__builtin_memcpy(&proto, o->data + start + 12, 2);
	SET(skb, SK_BUFF_DATA, o->data_dva + start);
	SET(skb, SK_BUFF_TAIL, start + linear);
	SET(skb, SK_BUFF_LEN, len);
	SET(skb, SK_BUFF_DATA_LEN, len - linear);
	SET(skb, SK_BUFF_DEV, twin_att.netdev);
	SET(skb, SK_BUFF_PROTOCOL, proto);
	SET(skb, SK_BUFF_MAC_HEADER, start);
	SET(skb, SK_BUFF_NETWORK_HEADER, start + ETH_HLEN);
}

static void ask_for_checksum(uint8_t *skb, uint32_t start, uint16_t csum_start, uint16_t offset)
{
	SET_BITS(skb, SK_BUFF_IP_SUMMED, CHECKSUM_PARTIAL);
	SET(skb, SK_BUFF_CSUM_START, start + csum_start);
	SET(skb, SK_BUFF_CSUM_OFFSET, offset);
	SET(skb, SK_BUFF_TRANSPORT_HEADER, start + csum_start);
}

static inline void fill_plain(struct pool_object *o, const uint8_t *head, uint32_t head_len,
			      struct packet_cursor *body, uint32_t body_len)
{
	uint32_t len = head_len + body_len, sent = MAX(len, (uint32_t)FRAME_MIN);
	uint8_t *data = o->data + HEADROOM;

	memcpy(data, head, head_len);
	if (body_len)
		copy(data + head_len, body, body_len);
	if (sent != len)
		memset(data + len, 0, sent - len);
	describe(o, HEADROOM, sent, sent);
}

/*
 * As many headers as there are, and no byte more, since the driver counts the bytes of each segment
 * by them. They end in the second half of eight bytes: otherwise the driver pulls payload up behind
 * them for an 82544, by an upcall.
 */
static uint32_t start_of(uint32_t headers)
{
	return HEADROOM + (~(headers - 1) & DWORD);
}

static void copy_payload(struct pool_object *o, const struct packet *pkt)
{
	uint32_t left = pkt->len - pkt->payload;
	struct packet_cursor body;

	packet_cursor_set(&body, pkt, pkt->payload);
	while (left) {
		struct pool_object *page = pool_take(CASTOR_PAGE, 0);
		uint32_t n = MIN(left, (uint32_t)PAGE_SIZE);

		copy(page->hva, &body, n);
		frags_add(o, page, n);
		left -= n;
	}
}

static void fill_large(struct pool_object *o, const struct packet *pkt)
{
	uint32_t start = start_of(pkt->payload);
	uint8_t *shinfo = o->data + o->bytes;

	memcpy(o->data + start, pkt->head, pkt->payload);
	describe(o, start, pkt->payload, pkt->len);
	ask_for_checksum(o->hva, start, pkt->csum_start, pkt->csum_offset);
	SET(shinfo, SKB_SHARED_INFO_GSO_SIZE, pkt->gso_size);
	SET(shinfo, SKB_SHARED_INFO_GSO_SEGS, packet_wire_frames(pkt));
	SET(shinfo, SKB_SHARED_INFO_GSO_TYPE, K_SKB_GSO_TCPV4);
	if (loan_pieces(pkt))
		loan_make(o, pkt);
	else
		copy_payload(o, pkt);
}

struct pool_object *fill_packet(const struct packet *pkt)
{
	struct pool_object *o = pool_take(CASTOR_SKB, HEADROOM + FILL_PLAIN_MAX);
	struct packet_cursor body = packet_body(pkt);

	if (!o)
		return NULL;
	if (pkt->gso != GSO_NONE) {
		fill_large(o, pkt);
		return o;
	}
	fill_plain(o, pkt->head, pkt->head_len, &body, pkt->len - pkt->head_len);
	if (pkt->needs_csum)
		ask_for_checksum(o->hva, HEADROOM, pkt->csum_start, pkt->csum_offset);
	return o;
}

struct pool_object *fill_piece(struct offload_frame *f)
{
	struct pool_object *o = pool_take(CASTOR_SKB, HEADROOM + FILL_PLAIN_MAX);

	if (!o)
		return NULL;
	fill_plain(o, f->head, f->head_len, &f->body, f->body_len);
	if (f->hdr.flags & VIRTIO_NET_HDR_NEEDS_CSUM)
		ask_for_checksum(o->hva, HEADROOM, f->hdr.csum_start, f->hdr.csum_offset);
	return o;
}
