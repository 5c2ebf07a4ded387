/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The natives napi_gro_receive() and napi_gro_frags(): receive demultiplexing. */
#include "twin/receive.h"

#include "kernel_abi.h"
#include "lib/string.h"
#include "net/coalesce.h"
#include "net/net.h"
#include "net/switch.h"
#include "net/udp_sum.h"
#include "twin/interface.h"
#include "twin/native.h"
#include "twin/native_frags.h"
#include "twin/native_skb.h"
#include "twin/receive_own.h"
#include "twin/uplink.h"

#define GRO_NORMAL           3
#define ETH_ADDRESSES        12 /* bytes in front of the type */
#define CHECKSUM_UNNECESSARY 1
#define HELD_MAX             64 /* buffers: what one poll of the driver brings */

struct receive_counts receive_counts;

/* Whether frames are merged: as the driver VM's interface has it, asked once an invocation. */
static enum { MERGE_ASK, MERGE_YES, MERGE_NO } merge;

bool receive_merges(void)
{
	if (merge == MERGE_ASK)
		merge = interface_has(INTERFACE_FEATURE(GRO)) ? MERGE_YES : MERGE_NO;
	return merge == MERGE_YES;
}

static bool accepts(const struct packet *pkt)
{
	return receive_merges() && switch_merges(net_switch(), pkt);
}

static void send(struct packet *pkt)
{
	unsigned int frames = packet_wire_frames(pkt);

	if (switch_input(net_switch(), uplink_port(), pkt) == 0)
		receive_counts.to_guests += frames;
}

static const struct coalesce_ops ops = { COALESCE_PIECES, accepts, send };
static struct coalesce merger = { .ops = &ops };

/* Whose frames the merger holds. */
static struct skb_objects held[HELD_MAX];
static unsigned int held_count;

void receive_flush(void)
{
	coalesce_flush(&merger);
	merge = MERGE_ASK;
	while (held_count)
		skb_recycle_rx(&held[--held_count]);
}

struct receive_merged receive_merged(void)
{
	return (struct receive_merged){ merger.merged, merger.merged_segments, merger.acks };
}

static void hold(const struct skb_objects *s)
{
	held[held_count++] = *s;
	if (held_count == HELD_MAX)
		receive_flush();
}

static bool is_group(const uint8_t *dst)
{
	return dst[0] & 1;
}

/* Where a frame goes, by its destination address. */
struct way {
	bool guests, dvm;
};

static struct way count(const uint8_t *dst, uint32_t len)
{
	receive_counts.frames++;
	receive_counts.bytes += len;
	if (is_group(dst))
		return (struct way){ .guests = true, .dvm = true };
	if (!uplink_is_dvm_address(dst))
		return (struct way){ .guests = true };
	receive_counts.own++;
	return (struct way){ .dvm = true };
}

/*
 * The card takes VLAN tags off the frames once the driver VM has a VLAN; the driver notes them in
 * the skb. Guests get what was on the wire: the tag goes back behind the addresses. Returns how
 * many segments that makes. seg[0] holds the whole Ethernet header; out has room for two more.
 */
static unsigned int put_tag_back(const uint8_t *skb, uint8_t tag[VLAN_HLEN],
				 const struct packet_seg *seg, unsigned int segs,
				 struct packet_seg *out)
{
	uint16_t tci = GET(skb, SK_BUFF_VLAN_TCI), proto = GET(skb, SK_BUFF_VLAN_PROTO);

	memcpy(tag, &proto, sizeof(proto)); /* in network byte order, unlike the other */
	tag[2] = tci >> 8;
	tag[3] = tci;
	out[0] = (struct packet_seg){ seg[0].data, ETH_ADDRESSES };
	out[1] = (struct packet_seg){ tag, VLAN_HLEN };
	out[2] = (struct packet_seg){ seg[0].data + ETH_ADDRESSES, seg[0].len - ETH_ADDRESSES };
	memcpy(out + 3, seg + 1, (segs - 1) * sizeof(*seg));
	return segs + 2;
}

/*
 * A copy for each guest that should have it, now or, true, when receive_flush() comes. tail: as in
 * coalesce.h.
 */
static inline bool give(const uint8_t *skb, struct packet *pkt, struct packet_seg tail)
{
	pkt->csum_valid = GET_BITS(skb, SK_BUFF_IP_SUMMED) == CHECKSUM_UNNECESSARY;
	if (coalesce_take(&merger, pkt, tail))
		return true;
	pkt->csum_valid = pkt->csum_valid || udp_sum_holds(pkt);
	send(pkt);
	return false;
}

/* The driver VM's MTU may be larger than guests'. len: with a tag. */
static bool fits(uint32_t len)
{
	if (len <= PACKET_MTU + ETH_HLEN + VLAN_HLEN)
		return true;
	receive_counts.too_large++;
	return false;
}

static __noinline bool give_tagged(const uint8_t *skb, const struct packet_seg *seg,
				   unsigned int segs, uint32_t len, bool may_hold)
{
	struct packet_seg tagged[FRAGS_MAX + 2], none = { NULL, 0 };
	uint8_t tag[VLAN_HLEN];
	struct packet pkt;

	if (!fits(len + VLAN_HLEN))
		return false;
	packet_from_segs(&pkt, tagged, put_tag_back(skb, tag, seg, segs, tagged), 0,
			 len + VLAN_HLEN);
	return give(skb, &pkt, may_hold ? seg[segs - 1] : none);
}

/* A frame in one piece. */
static bool give_to_guests(const uint8_t *skb, uint8_t *data, uint32_t len, bool may_hold)
{
	struct packet_seg seg = { data, len }, tail = { data, may_hold ? len : 0 };
	struct packet pkt;

	if (GET_BITS(skb, SK_BUFF_VLAN_PRESENT))
		return give_tagged(skb, &seg, 1, len, may_hold);
	if (!fits(len))
		return false;
	packet_from_piece(&pkt, &seg);
	return give(skb, &pkt, tail);
}

static uint32_t native_napi_gro_receive(dva_t napi, dva_t skb)
{
	struct skb_frame f = skb_frame_of(skb);
	struct way way = count(f.data, f.len);
	struct skb_objects objects;

	(void)napi;
	if (way.dvm) {
		if (way.guests)
			give_to_guests(f.o->hva, f.data, f.len, false);
		own_take(&f);
		return GRO_NORMAL;
	}
	objects = skb_objects_of(f.o);
	if (give_to_guests(f.o->hva, f.data, f.len, true))
		hold(&objects);
	else
		skb_recycle_rx(&objects);
	return GRO_NORMAL;
}
NATIVE("napi_gro_receive", native_napi_gro_receive);

/* A frame in pages; nothing of it is held. */
static void give_pages_to_guests(const struct skb_pages *f)
{
	struct packet_seg seg[FRAGS_MAX], none = { NULL, 0 };
	struct packet pkt;

	if (GET_BITS(f->skb, SK_BUFF_VLAN_PRESENT)) {
		give_tagged(f->skb, f->seg, f->frags, f->len, false);
		return;
	}
	if (!fits(f->len))
		return;
	memcpy(seg, f->seg, sizeof(seg)); /* making a packet of them changes them */
	packet_from_segs(&pkt, seg, f->frags, 0, f->len);
	give(f->skb, &pkt, none);
}

static uint32_t native_napi_gro_frags(dva_t napi)
{
	struct skb_pages f;
	struct way way;

	frags_take(napi, &f);
	way = count(f.seg[0].data, f.len);
	if (way.guests)
		give_pages_to_guests(&f);
	if (way.dvm)
		own_flush();
	if (way.dvm && own_has_room(1)) {
		frags_pull(&f);
		frags_give(&f);
		own_push(f.dva, 1);
	} else {
		frags_recycle(&f);
	}
	return GRO_NORMAL;
}
NATIVE("napi_gro_frags", native_napi_gro_frags);
