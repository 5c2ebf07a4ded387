/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Receive coalescing: TCP segments of a connection that follow one another without a gap become
 * one large frame, as if its sender had left the segmentation to the receiver's card. The receiver
 * then does once what it does for each frame. IPv4 only. What may be merged are the rules of
 * Linux 6.1's GRO (inet_gro_receive(), tcp_gro_receive()), so that whoever cuts the frame again
 * gets the segments back; FIN is not merged here, and a segment larger or smaller than the first
 * one's size ends a frame.
 *
 * Of acknowledgements without data the last one says it all: while one is held, a later one of the
 * same connection that acknowledges more takes its place (ACK filtering, RFC 3449 5.2.1; Linux's
 * cake has it as ack-filter). Only where nothing else is lost: same flags (ECN's among them), no
 * option but time stamps, which go forward; one that acknowledges no more than the one before, by
 * which loss is told, is left as it is.
 *
 * The frame of a connection that is being made is a flow. A flow goes out when its frame is full
 * or has ended (PSH, a smaller segment), in front of whatever else of the same connection cannot
 * be merged, in front of what is no TCP segment for the same station, when another connection
 * needs its place, and at coalesce_flush(). So frames of one connection keep their order.
 *
 * Pure: no clock, no memory of its own beyond the struct. Segments are hostile input.
 */
#ifndef HV_NET_COALESCE_H
#define HV_NET_COALESCE_H

#include "net/packet.h"

#define COALESCE_FLOWS     8
#define COALESCE_PIECES    64    /* of memory in one frame */
#define COALESCE_FRAME_MAX 65535 /* bytes */

struct coalesce_ops {
	unsigned int pieces; /* that a frame may have, at most COALESCE_PIECES */
	/* May this frame be merged with others? Asked when a flow would begin with it. */
	bool (*accepts)(const struct packet *pkt);
	/* A frame goes out; pkt is only valid during the call. */
	void (*send)(struct packet *pkt);
};

struct coalesce_flow {
	uint64_t born;     /* the smallest is the oldest; 0: not in use */
	struct packet pkt; /* the frame; its headers are the first segment's until it goes out */
	struct packet_seg piece[COALESCE_PIECES];
	unsigned int segments;
	uint16_t size; /* payload bytes of the first segment; 0: an acknowledgement */
	bool push;     /* the last segment had PSH */
	bool fixed_id; /* all segments have the first one's IP id */
	/* Of IP's sum and TCP's, what all segments have in common; from the second one on. */
	uint64_t ip_sum, tcp_sum;
};

/* All zero but for ops: nothing is held. */
struct coalesce {
	const struct coalesce_ops *ops;
	uint64_t births;
	unsigned int used;            /* flows that hold a frame */
	struct coalesce_flow *latest; /* the one looked at last; NULL: none ever */
	struct coalesce_flow flow[COALESCE_FLOWS];
	uint64_t merged, merged_segments; /* frames made of several segments, and of how many */
	uint64_t acks; /* acknowledgements that a later one stands for: they went nowhere */
};

/*
 * A frame as it came in, of at most PACKET_MTU bytes behind its Ethernet header. tail: where its
 * last bytes lie in one piece; all of a segment's payload must, or it is not merged. True: the
 * frame is held, and tail's memory must stay as it is until coalesce_flush(). False: the caller
 * sends it on now; what has to go first has gone. csum_valid may have been set: the checksum was
 * looked at here.
 */
bool coalesce_take(struct coalesce *c, struct packet *pkt, struct packet_seg tail);

/* Sends all that is held, oldest first. */
void coalesce_flush(struct coalesce *c);

#endif
