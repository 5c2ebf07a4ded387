/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does in software what a sender left to the device and the receiver did not negotiate: completes
 * checksums, cuts a TCP frame into segments (RFC 9293; what Linux's skb_segment() does). A
 * checked packet goes in, frames come out one by one, each as its header bytes and a stretch of
 * the packet's payload. Pure: no state beyond the iterator.
 */
#ifndef HV_NET_OFFLOAD_H
#define HV_NET_OFFLOAD_H

#include "net/packet.h"

/* What the receiver can take over. */
struct offload_caps {
	bool csum, tso4, tso6, ecn;
	uint16_t segment_min; /* of a large frame; 0: any */
};

/*
 * Least segment of a frame that is left to e1000. With smaller ones it gives less than a page to a
 * descriptor (4 segments), and a frame could take more of them than a ring has: the driver would
 * wait for these for ever, and all other frames with it. With this one it takes two descriptors for
 * each page at most, and a few more.
 */
#define OFFLOAD_CARD_SEGMENT_MIN 1024

struct offload_frame {
	const uint8_t *head; /* into the packet or the iterator */
	uint32_t head_len;
	struct packet_cursor body; /* where the rest starts */
	uint32_t body_len;
	struct virtio_net_hdr hdr; /* what is still asked for; num_buffers is the receiver's */
	uint32_t payload_done; /* of the packet, once this frame is delivered; see packet.resume */
};

struct offload_iter {
	const struct packet *pkt;
	struct offload_caps caps;
	bool cut;                  /* into segments */
	uint32_t done, end;        /* payload bytes given out, of all; without cut: frames, of 1 */
	struct packet_cursor next; /* the payload from `done` on */
	uint8_t head[PACKET_HEAD_MAX];
};

/*
 * Is it to be cut into segments? A receiver that got the first pieces from another one's hands
 * (R13) gets the rest as pieces too.
 */
static inline bool offload_cuts(const struct packet *pkt, const struct offload_caps *caps)
{
	if (pkt->gso == GSO_NONE)
		return false;
	return (pkt->gso == GSO_TCP4 && !caps->tso4) || (pkt->gso == GSO_TCP6 && !caps->tso6) ||
	       (pkt->gso_ecn && !caps->ecn) || pkt->gso_size < caps->segment_min || pkt->resume;
}

/* Does the receiver take it as it is, with what it asks for? Then nothing here is needed. */
static inline bool offload_passes(const struct packet *pkt, const struct offload_caps *caps)
{
	return !offload_cuts(pkt, caps) && (caps->csum || !pkt->needs_csum);
}

/* Starts at pkt->resume, which must be 0 or a payload_done of the same packet. */
void offload_begin(struct offload_iter *it, const struct packet *pkt,
		   const struct offload_caps *caps);

/*
 * A packet that is not cut, without begin: its one frame. The iterator lends it memory; the frame
 * is valid until its next use.
 */
void offload_whole(struct offload_iter *it, const struct packet *pkt,
		   const struct offload_caps *caps, struct offload_frame *frame);

/* The next frame, where there is one. */
void offload_make(struct offload_iter *it, struct offload_frame *frame);

/* The next frame; false when there are no more. The frame is valid until the next call. */
static inline bool offload_next(struct offload_iter *it, struct offload_frame *frame)
{
	if (it->done == it->end)
		return false;
	offload_make(it, frame);
	return true;
}

/*
 * One's complement sum of bytes, in memory order (RFC 1071): stored as it is, folded by
 * csum_fold(). Its carries go in again at the lower end, so it never overflows.
 */
struct csum {
	uint64_t sum;
	bool odd; /* an odd number of bytes so far */
};

void csum_add(struct csum *c, const void *data, uint32_t len);

/* Of these bytes alone: what csum_add_word() adds where an even number of bytes lies before. */
uint64_t csum_bytes(const void *data, uint32_t len);

/* The same for 8 bytes, or fewer with zeros behind them, behind an even number of bytes. */
static inline void csum_add_word(struct csum *c, uint64_t word)
{
	asm("addq %1, %0\n\tadcq $0, %0" : "+r"(c->sum) : "rm"(word) : "cc");
}

/* The same for a header, in line: a multiple of 4 bytes, behind an even number of them. */
static inline void csum_add_header(struct csum *c, const uint8_t *header, uint32_t len)
{
	uint64_t word;
	uint32_t half;

	for (; len >= sizeof(word); header += sizeof(word), len -= sizeof(word)) {
		__builtin_memcpy(&word, header, sizeof(word));
		csum_add_word(c, word);
	}
	if (len) {
		__builtin_memcpy(&half, header, sizeof(half));
		csum_add_word(c, half);
	}
}

uint16_t csum_fold(const struct csum *c);

#endif
