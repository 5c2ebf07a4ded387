/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frame on its way through the switch. Its first bytes (all headers that the hypervisor looks
 * at) are a private copy, made once and then checked; the rest stays in the sender's memory as a
 * list of segments until the one copy into the receiver's, or until the card has read it (lend.h).
 * The sender may change those bytes meanwhile: it then only spoils its own payload.
 *
 * Frame bytes [0, head_len) are in head, [head_len, len) in seg. What the sender asks for
 * (checksum, segmentation) is here only after packet_check() bounded it (R17). What lies in front
 * of the frame in its memory, the request of a virtio driver, is copied along with the head.
 */
#ifndef HV_NET_PACKET_H
#define HV_NET_PACKET_H

#include "lib/types.h"

struct lender;

#define PACKET_HEAD_MAX 144 /* Ethernet + VLAN tag + IPv4 and TCP with all options, and a bit */
#define PACKET_LEN_MAX  65550
#define PACKET_MTU      1500
#define ETH_HLEN        14
#define VLAN_HLEN       4
#define GSO_SIZE_MIN    48 /* Linux's smallest MSS; at most 1366 segments a frame */

#define ETHERTYPE_IP4     0x0800
#define ETHERTYPE_ARP     0x0806
#define ETHERTYPE_VLAN    0x8100
#define ETHERTYPE_IP6     0x86dd
#define ETHERTYPE_VLAN_AD 0x88a8

/* Values of the virtio header, virtio 1.2 5.1.6. */
enum packet_gso { GSO_NONE = 0, GSO_TCP4 = 1, GSO_TCP6 = 4 };

struct packet_seg {
	uint8_t *data; /* hypervisor's pointer into a VM's RAM */
	uint32_t len;
};

/* virtio 1.2 5.1.6; 12 bytes whenever VERSION_1 is negotiated. */
struct virtio_net_hdr {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};
ASSERT_SIZE(struct virtio_net_hdr, 12);

#define VIRTIO_NET_HDR_NEEDS_CSUM 1
#define VIRTIO_NET_HDR_DATA_VALID 2
#define VIRTIO_NET_HDR_GSO_ECN    0x80

struct packet {
	uint32_t len, head_len;
	const struct packet_seg *seg; /* none of them is empty */
	unsigned int segs;
	bool needs_csum; /* the sum at csum_start + csum_offset is that of the pseudo header only */
	bool csum_valid; /* its TCP or UDP checksum was found right on its way here */
	bool gso_ecn;
	uint8_t sender; /* id of the port that it came from; the switch sets it */
	/* So many of head's last bytes lie in the sender's memory right in front of seg[0]. */
	uint8_t overlap;
	/*
	 * Whose memory it is, if its receiver may go on reading there: it then has the chain lent
	 * to it (lend.h) and says so. NULL: it may not.
	 */
	bool lent;
	uint16_t chain;
	struct lender *lender;
	uint16_t csum_start, csum_offset;
	enum packet_gso gso;
	uint16_t gso_size;        /* payload bytes of each segment */
	uint16_t l3, l4, payload; /* offsets, valid for gso != GSO_NONE; payload <= head_len */
	/*
	 * A receiver that cannot segment gets pieces; when it runs out of room it has had the
	 * payload up to here. The sender keeps the value with the frame until it is offered
	 * again.
	 */
	uint32_t resume;
	struct virtio_net_hdr request; /* as the sender wrote it: packet_check() bounds it */
	uint8_t head[PACKET_HEAD_MAX];
};
_Static_assert(offsetof(struct packet, head) ==
		       offsetof(struct packet, request) + sizeof(struct virtio_net_hdr),
	       "both are copied as one");

/* What a sender may ask for: the offloads negotiated by it. */
struct packet_rights {
	bool csum, tso4, tso6, ecn;
};

/*
 * Makes a packet of segments, none of them empty, that hold `len` frame bytes behind `before` bytes
 * of a request, which are all of it or 0: copies request and head, takes the rest by reference. seg
 * is changed (its front is cut off) and must live as long as the packet. len >= ETH_HLEN.
 */
void packet_from_segs(struct packet *pkt, struct packet_seg *seg, unsigned int segs,
		      uint32_t before, uint32_t len);

/* The same of a frame that lies in one piece, without a request; piece becomes what is left. */
void packet_from_piece(struct packet *pkt, struct packet_seg *piece);

/*
 * Takes over the requests of a private copy of the sender's header, pkt->request or another.
 * -EINVAL: something in it or in the frame's own headers does not fit (R17); -E2BIG: longer than a
 * frame may be. hdr_len is not used: it is computed.
 */
int packet_check(struct packet *pkt, const struct virtio_net_hdr *hdr,
		 const struct packet_rights *rights);

/* Offset and type of what is behind the Ethernet header and at most one VLAN tag. */
uint16_t packet_l3(const struct packet *pkt, uint16_t *ethertype);

/* Frames that reach the wire: 1, or the number of segments. */
unsigned int packet_wire_frames(const struct packet *pkt);

/* Of these, the ones that are not out yet (pkt->resume). */
unsigned int packet_frames_left(const struct packet *pkt);

/*
 * Goes on behind payload byte `at`, which an earlier try at the frame came to; 0: from its start.
 * -EINVAL: no segment of this frame begins there. Its sender has changed it meanwhile.
 */
int packet_resume(struct packet *pkt, uint32_t at);

/* A place in the frame, moving forward. */
struct packet_cursor {
	const struct packet *pkt;
	uint32_t pos; /* within head; beyond it seg and off count */
	unsigned int seg;
	uint32_t off;
};

void packet_cursor_set(struct packet_cursor *cur, const struct packet *pkt, uint32_t pos);

/* What lies behind the head. */
static inline struct packet_cursor packet_body(const struct packet *pkt)
{
	return (struct packet_cursor){ .pkt = pkt, .pos = pkt->head_len };
}

/* The next piece of at most max bytes: its length, 0 at the end. */
static inline uint32_t packet_cursor_next(struct packet_cursor *cur, uint32_t max,
					  const uint8_t **piece)
{
	const struct packet *pkt = cur->pkt;
	uint32_t n;

	if (cur->pos < pkt->head_len) {
		n = MIN(max, pkt->head_len - cur->pos);
		*piece = pkt->head + cur->pos;
		cur->pos += n;
		return n;
	}
	for (; cur->seg < pkt->segs; cur->seg++, cur->off = 0) {
		const struct packet_seg *seg = &pkt->seg[cur->seg];

		if (cur->off == seg->len)
			continue;
		n = MIN(max, seg->len - cur->off);
		*piece = seg->data + cur->off;
		cur->off += n;
		return n;
	}
	return 0;
}

/* Big-endian fields at any alignment. */
static inline uint16_t get_be16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)get_be16(p) << 16 | get_be16(p + 2);
}

static inline void put_be16(uint8_t *p, uint16_t val)
{
	p[0] = val >> 8;
	p[1] = val;
}

static inline void put_be32(uint8_t *p, uint32_t val)
{
	put_be16(p, val >> 16);
	put_be16(p + 2, val);
}

#endif
