/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The uplink's own transmit queue: frames of guests, already in socket buffers, wait here until
 * the driver's ring takes them (R10: byte queue limits stop the driver's queue after the first
 * packets). Interrupts off.
 */
#ifndef HV_TWIN_TRANSMIT_H
#define HV_TWIN_TRANSMIT_H

#include "net/packet.h"

struct transmit_counts {
	uint64_t queued, bytes; /* guests' frames put into the queue */
	uint64_t large;         /* of these, such that the card is to cut ... */
	uint64_t wire;          /* ... and what all of them are on the wire */
	uint64_t sent;          /* of these, given to the driver ... */
	uint64_t discarded;     /* ... or lost with the attachment */
	uint64_t ended;         /* frames that the card is done with, seen by the twin ... */
	uint64_t own;           /* ... and of these, the driver VM's */
	uint64_t busy, stopped, locked, no_buffer;
};
extern struct transmit_counts transmit_counts;

/*
 * Copies a frame into donated buffers, a large one as one where the card is to cut it; its payload
 * may stay with its sender (pkt->lent). 0; -EAGAIN: no room now, offer it again (pkt->resume says
 * how far it got); -EINVAL: can never be sent.
 */
int transmit_queue(struct packet *pkt);

/*
 * Whether frames wait and a run is due: the driver's queue was not found stopped since the last
 * wake, or a tail write is (R10).
 */
bool transmit_pending(void);

/* Whether frames wait for the end of the driver VM's turn; nobody tells but the clock (R10). */
bool transmit_waits(void);

/* Whether any wait here, or in the driver for their completion. */
bool transmit_has_frames(void);

/* Room for one more frame: a slot and buffers. */
bool transmit_has_room(void);

/* Inside an invocation: gives as many frames to e1000_xmit_frame (fn) as the queue takes. */
void transmit_run(uint64_t fn);

/* Whether the driver's transmit lock is held for the twin just now (R15). */
bool transmit_holds_lock(void);

/* Inside an invocation: whether the driver VM holds it, stopped in the middle of sending (R8). */
bool transmit_lock_is_foreign(void);

/* The driver's queue may take frames again. */
void transmit_wake(void);

/*
 * Inside an invocation, behind the driver's poll: whether it may, whoever said so (an upcall tells
 * the driver VM alone). Then twin_pending.transmit is set.
 */
void transmit_look(void);

/* Discards waiting frames of senders that want their memory back. Outside an invocation. */
void transmit_recall(void);

/* Forgets all waiting frames and puts their buffers back into the pool (detach). */
void transmit_reset(void);

/*
 * After a kill in the middle of an invocation: the frame at hand is lost; frees the transmit lock
 * if the twin had it.
 */
void transmit_after_kill(void);

#endif
