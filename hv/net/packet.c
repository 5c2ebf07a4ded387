/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames: taking them out of a sender's memory, checking what the sender asks for. */
#include "net/packet.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "net/barrier.h"

#define IP4_HLEN_MIN 20U
#define IP6_HLEN     40U
#define TCP_HLEN_MIN 20U
#define TCP_CSUM     16
#define IPPROTO_TCP  6
#define IP4_FRAGMENT 0x3fff /* MF and offset */

/*
 * Moves n bytes, n > 0, off the front of a list; returns what is left of it. *overlap: how many of
 * them were right in front of that.
 */
static struct packet_seg *take_front(uint8_t *to, struct packet_seg *seg, uint32_t n,
				     uint32_t *overlap)
{
	for (;; seg++) {
		uint32_t part = MIN(n, seg->len);

		memcpy(to, seg->data, part);
		to += part;
		n -= part;
		if (!n) {
			seg->data += part;
			seg->len -= part;
			*overlap = seg->len ? part : 0;
			break;
		}
	}
	/* The copy is what gets checked; the original may differ by now. */
	fence_compiler();
	return seg->len ? seg : seg + 1;
}

void packet_from_segs(struct packet *pkt, struct packet_seg *seg, unsigned int segs,
		      uint32_t before, uint32_t len)
{
	uint32_t head_len = MIN(len, PACKET_HEAD_MAX), overlap;
	uint8_t *front = (uint8_t *)pkt + offsetof(struct packet, head) - before;

	memset(pkt, 0, offsetof(struct packet, request));
	pkt->len = len;
	pkt->head_len = head_len;
	pkt->seg = take_front(front, seg, before + head_len, &overlap);
	pkt->overlap = MIN(overlap, head_len);
	pkt->segs = seg + segs - pkt->seg;
}

void packet_from_piece(struct packet *pkt, struct packet_seg *piece)
{
	uint32_t len = piece->len, head_len = MIN(len, PACKET_HEAD_MAX);

	memset(pkt, 0, offsetof(struct packet, head));
	memcpy(pkt->head, piece->data, head_len);
	fence_compiler(); /* as above */
	piece->data += head_len;
	piece->len = len - head_len;
	pkt->len = len;
	pkt->head_len = head_len;
	pkt->seg = piece;
	if (len == head_len)
		return;
	pkt->overlap = head_len;
	pkt->segs = 1;
}

uint16_t packet_l3(const struct packet *pkt, uint16_t *ethertype)
{
	uint16_t l3 = ETH_HLEN;

	*ethertype = get_be16(pkt->head + 12);
	if (*ethertype == ETHERTYPE_VLAN && pkt->head_len >= ETH_HLEN + VLAN_HLEN) {
		*ethertype = get_be16(pkt->head + 16);
		l3 += VLAN_HLEN;
	}
	return l3;
}

/* Sets l4 of an unfragmented TCP packet of the family that was asked for. */
static int find_tcp(struct packet *pkt)
{
	uint16_t ethertype, l3 = packet_l3(pkt, &ethertype);
	const uint8_t *ip = pkt->head + l3;
	uint32_t ihl = IP6_HLEN;

	if (pkt->head_len < l3 + IP6_HLEN)
		return -EINVAL;
	if (pkt->gso == GSO_TCP4) {
		ihl = (ip[0] & 15) * 4;
		if (ethertype != ETHERTYPE_IP4 || ip[0] >> 4 != 4 || ihl < IP4_HLEN_MIN ||
		    ip[9] != IPPROTO_TCP || get_be16(ip + 6) & IP4_FRAGMENT)
			return -EINVAL;
	} else if (ethertype != ETHERTYPE_IP6 || ip[0] >> 4 != 6 || ip[6] != IPPROTO_TCP) {
		return -EINVAL;
	}
	pkt->l3 = l3;
	pkt->l4 = l3 + ihl;
	return 0;
}

static int check_gso(struct packet *pkt, const struct virtio_net_hdr *hdr)
{
	uint32_t tcp_hlen;

	if (!pkt->needs_csum || find_tcp(pkt) || pkt->head_len < pkt->l4 + TCP_HLEN_MIN)
		return -EINVAL;
	tcp_hlen = (pkt->head[pkt->l4 + 12] >> 4) * 4;
	pkt->payload = pkt->l4 + tcp_hlen;
	if (tcp_hlen < TCP_HLEN_MIN || pkt->payload > pkt->head_len || pkt->payload >= pkt->len)
		return -EINVAL;
	if (pkt->csum_start != pkt->l4 || pkt->csum_offset != TCP_CSUM)
		return -EINVAL;
	pkt->gso_size = hdr->gso_size;
	if (pkt->gso_size < GSO_SIZE_MIN ||
	    pkt->payload - pkt->l3 + (uint32_t)pkt->gso_size > PACKET_MTU)
		return -EINVAL;
	if (pkt->len - pkt->payload <= pkt->gso_size)
		pkt->gso = GSO_NONE; /* one segment: nothing to do */
	return 0;
}

/*
 * The sum is behind the shortest IP header, where no address and no type is: or else a frame would
 * get on its way what its sender may not say (R17; net/identity, the switch).
 */
static int check_csum(struct packet *pkt, const struct virtio_net_hdr *hdr)
{
	uint16_t ethertype;

	pkt->needs_csum = true;
	pkt->csum_start = hdr->csum_start;
	pkt->csum_offset = hdr->csum_offset;
	if (pkt->csum_start < packet_l3(pkt, &ethertype) + IP4_HLEN_MIN ||
	    (uint32_t)pkt->csum_start + pkt->csum_offset + 2 > pkt->head_len)
		return -EINVAL;
	return 0;
}

static int take_gso_type(struct packet *pkt, uint8_t type, const struct packet_rights *rights)
{
	pkt->gso_ecn = type & VIRTIO_NET_HDR_GSO_ECN;
	pkt->gso = type & ~VIRTIO_NET_HDR_GSO_ECN;
	if (pkt->gso_ecn && !rights->ecn)
		return -EINVAL;
	if ((pkt->gso == GSO_TCP4 && rights->tso4) || (pkt->gso == GSO_TCP6 && rights->tso6))
		return 0;
	return -EINVAL;
}

int packet_check(struct packet *pkt, const struct virtio_net_hdr *hdr,
		 const struct packet_rights *rights)
{
	if (hdr->flags & VIRTIO_NET_HDR_NEEDS_CSUM) {
		if (!rights->csum || check_csum(pkt, hdr))
			return -EINVAL;
	}
	if (hdr->gso_type != GSO_NONE) {
		if (take_gso_type(pkt, hdr->gso_type, rights) || check_gso(pkt, hdr))
			return -EINVAL;
	}
	if (pkt->gso == GSO_NONE && pkt->len > PACKET_MTU + ETH_HLEN + VLAN_HLEN)
		return -E2BIG;
	return 0;
}

unsigned int packet_wire_frames(const struct packet *pkt)
{
	if (pkt->gso == GSO_NONE)
		return 1;
	return (pkt->len - pkt->payload + pkt->gso_size - 1) / pkt->gso_size;
}

unsigned int packet_frames_left(const struct packet *pkt)
{
	if (pkt->gso == GSO_NONE)
		return 1;
	return (pkt->len - pkt->payload - pkt->resume + pkt->gso_size - 1) / pkt->gso_size;
}

int packet_resume(struct packet *pkt, uint32_t at)
{
	if (at && (pkt->gso == GSO_NONE || at >= pkt->len - pkt->payload || at % pkt->gso_size))
		return -EINVAL;
	pkt->resume = at;
	return 0;
}

void packet_cursor_set(struct packet_cursor *cur, const struct packet *pkt, uint32_t pos)
{
	uint32_t rest;

	*cur = (struct packet_cursor){ .pkt = pkt, .pos = MIN(pos, pkt->head_len) };
	rest = pos - cur->pos;
	while (cur->seg < pkt->segs && rest >= pkt->seg[cur->seg].len)
		rest -= pkt->seg[cur->seg++].len;
	cur->off = rest;
}
