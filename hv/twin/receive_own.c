/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Received frames of the driver VM's own. */
#include "twin/receive_own.h"

#include "kernel_abi.h"
#include "lib/string.h"
#include "net/coalesce.h"
#include "twin/castor.h"
#include "twin/native.h"
#include "twin/native_frags.h"
#include "twin/receive.h"

#define CHECKSUM_UNNECESSARY 1
#define CHECKSUM_PARTIAL     3
#define HELD_MAX             64 /* what one poll of the driver brings */

/* Behind its skb's own buffer a frame has a piece in each of the fragments. */
#define PIECES_MAX (FRAGS_MAX + 1)

/* A frame that the merger holds: what of it the driver VM's memory says was read once. */
struct held {
	struct pool_object *skb; /* NULL: it has gone */
	struct pool_object *buffer;
	uint8_t *frame, *end;
	uint8_t *shinfo;
};

static struct held held[HELD_MAX];
static unsigned int held_count;

bool own_has_room(unsigned int frames)
{
	if (castor_room(CASTOR_RING_RX))
		return true;
	receive_counts.dropped += frames;
	return false;
}

void own_push(dva_t skb, unsigned int frames)
{
	struct castor_slot slot = { .dva = skb, .kind = CASTOR_SKB };

	castor_push(CASTOR_RING_RX, &slot);
	receive_counts.to_dvm += frames;
}

/* Another segment's payload behind the frame's; its head is of no use any more. */
static void append(const struct held *first, unsigned int i, struct held *h,
		   const struct packet_seg *piece)
{
	uint8_t *skb = first->skb->hva;

	frags_set(first->shinfo, i, h->buffer->dva + (piece->data - h->buffer->hva), piece->len);
	SET(skb, SK_BUFF_LEN, GET(skb, SK_BUFF_LEN) + piece->len);
	SET(skb, SK_BUFF_DATA_LEN, GET(skb, SK_BUFF_DATA_LEN) + piece->len);
	SET(skb, SK_BUFF_TRUESIZE, GET(skb, SK_BUFF_TRUESIZE) + h->buffer->bytes);
	pool_give_tied(h->skb);
	h->skb = NULL;
}

/* As tcp4_gro_complete() leaves it. */
static void complete(const struct held *first, const struct packet *pkt, unsigned int segments)
{
	uint8_t *skb = first->skb->hva, *shinfo = first->shinfo;

	memcpy(first->frame, pkt->head, pkt->payload);
	SET_BITS(skb, SK_BUFF_IP_SUMMED, CHECKSUM_PARTIAL);
	SET(skb, SK_BUFF_CSUM_START, first->frame - first->buffer->hva + pkt->csum_start);
	SET(skb, SK_BUFF_CSUM_OFFSET, pkt->csum_offset);
	SET(shinfo, SKB_SHARED_INFO_NR_FRAGS, segments - 1);
	SET(shinfo, SKB_SHARED_INFO_GSO_SIZE, pkt->gso_size);
	SET(shinfo, SKB_SHARED_INFO_GSO_SEGS, segments);
	SET(shinfo, SKB_SHARED_INFO_GSO_TYPE, K_SKB_GSO_TCPV4);
}

static void checked(uint8_t *skb, const struct packet *pkt)
{
	if (pkt->csum_valid)
		SET_BITS(skb, SK_BUFF_IP_SUMMED, CHECKSUM_UNNECESSARY);
}

/* The next held frame that ends where a piece does; segments of a connection lie in their order. */
static struct held *find_held(unsigned int *at, const struct packet_seg *piece)
{
	while (*at < held_count) {
		struct held *h = &held[(*at)++];

		if (h->skb && h->end == piece->data + piece->len)
			return h;
	}
	return NULL;
}

/* What is left in `held` own_flush() takes back. */
static void send(struct packet *pkt)
{
	unsigned int at = 0, n = 1, frames = packet_wire_frames(pkt);
	struct held *first, *h;
	dva_t skb;

	if (!own_has_room(frames))
		return;
	first = find_held(&at, &pkt->seg[0]);
	if (!first) { /* its buffer lies over another one's */
		receive_counts.dropped += frames;
		return;
	}
	checked(first->skb->hva, pkt);
	for (; n < pkt->segs && (h = find_held(&at, &pkt->seg[n])); n++)
		append(first, n - 1, h, &pkt->seg[n]);
	if (n > 1)
		complete(first, pkt, n);
	receive_counts.dropped += frames - n;
	skb = first->skb->dva;
	pool_give(first->skb);
	first->skb = NULL;
	own_push(skb, n);
}

static bool accepts(const struct packet *pkt)
{
	(void)pkt;
	return true; /* asked before */
}

static const struct coalesce_ops ops = { PIECES_MAX, accepts, send };
static struct coalesce merger = { .ops = &ops };

void own_flush(void)
{
	coalesce_flush(&merger);
	while (held_count)
		if (held[--held_count].skb)
			pool_put(held[held_count].skb);
}

void own_end(bool killed)
{
	for (unsigned int i = 0; killed && i < held_count; i++)
		held[i].skb = NULL;
	own_flush();
}

/*
 * A head of the pool's on a buffer of the pool's; more in the frame than what packets copy, so that
 * each has a piece; nothing noted beside it that a merged frame could not say.
 */
static bool is_plain(const struct skb_objects *s, const struct skb_frame *f, struct held *h)
{
	uint32_t end = GET(f->o->hva, SK_BUFF_END);

	if (s->skb->kind != CASTOR_HEAD || !s->data || s->data->kind != CASTOR_FRAG ||
	    f->len <= PACKET_HEAD_MAX || f->len > PACKET_MTU + ETH_HLEN || end > 65536 ||
	    GET_BITS(f->o->hva, SK_BUFF_VLAN_PRESENT))
		return false;
	*h = (struct held){ .skb = s->skb,
			    .buffer = s->data,
			    .frame = f->data,
			    .end = f->data + f->len,
			    .shinfo = pool_dvm_ptr(s->data->dva + end, K_SIZEOF_SKB_SHARED_INFO) };
	return h->shinfo;
}

/* It is in `held` before the merger has it, which may send it at once. */
static bool hold(const struct held *h)
{
	struct packet_seg seg = { h->frame, h->end - h->frame }, tail = seg;
	struct packet pkt;

	packet_from_piece(&pkt, &seg);
	pkt.csum_valid = GET_BITS(h->skb->hva, SK_BUFF_IP_SUMMED) == CHECKSUM_UNNECESSARY;
	pool_tie(h->skb, h->buffer);
	held[held_count++] = *h;
	if (!coalesce_take(&merger, &pkt, tail)) {
		held_count--;
		checked(h->skb->hva, &pkt);
		return false;
	}
	if (held_count == HELD_MAX)
		own_flush();
	return true;
}

/*
 * Castor makes an skb of a short frame's bytes, as drivers do: that is cheaper for all than an skb
 * of the pool's that changes hands, with a buffer for the longest frames.
 */
static bool is_short(const struct skb_objects *s, const struct skb_frame *f)
{
	return s->skb->kind == CASTOR_SKB && f->len <= CASTOR_FRAME_MAX &&
	       !GET_BITS(f->o->hva, SK_BUFF_VLAN_PRESENT);
}

static void copy(const struct skb_objects *s, const struct skb_frame *f)
{
	struct castor_slot slot = { .bytes = f->len, .kind = CASTOR_FRAME };

	if (own_has_room(1)) {
		slot.dva = GET_BITS(f->o->hva, SK_BUFF_IP_SUMMED) == CHECKSUM_UNNECESSARY;
		memcpy(castor_frame(), f->data, f->len);
		castor_push(CASTOR_RING_RX, &slot);
		receive_counts.to_dvm++;
	}
	skb_recycle_rx(s);
}

/* What it is made of leaves the table before the driver VM can free it. */
static void give(const struct skb_objects *s)
{
	dva_t skb = s->skb->dva;

	if (!own_has_room(1)) {
		skb_recycle_rx(s);
		return;
	}
	if (s->data)
		pool_give(s->data);
	pool_give(s->skb);
	own_push(skb, 1);
}

void own_take(const struct skb_frame *f)
{
	struct skb_objects s = { .skb = f->o };
	struct held h;

	if (s.skb->pages)
		native_kill("received skb %lx is handed over twice", s.skb->dva);
	s.data = skb_buffer_of(s.skb);
	if (s.data == s.skb) /* it says that it is its own buffer */
		s.data = NULL;
	if (is_short(&s, f)) {
		own_flush();
		copy(&s, f);
	} else if (!receive_merges() || !is_plain(&s, f, &h)) {
		own_flush();
		give(&s);
	} else if (!hold(&h)) {
		s.data = NULL; /* tied to its head */
		give(&s);
	}
}
