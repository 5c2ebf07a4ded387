/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Received frames of the driver VM's own: through castor's ring (R11), short ones as bytes, others
 * as the socket buffers that they came in.
 *
 * TCP segments are merged on the way (net/coalesce.h), as the interface's GRO would: the first
 * one's skb becomes that of the frame, the others' buffers its fragments, and their heads stay
 * here. No byte of payload moves. Held frames have their buffer tied to their head, so that by the
 * buffer's address nobody finds them a second time.
 */
#ifndef HV_TWIN_RECEIVE_OWN_H
#define HV_TWIN_RECEIVE_OWN_H

#include "twin/native_skb.h"

/* A frame that the driver hands over. It is at castor, held or lost, which is counted. */
void own_take(const struct skb_frame *f);

/* A frame that is to be at castor before or behind all others follows: nothing is held. */
void own_flush(void);

/*
 * Behind each invocation. Of one that was killed nothing more goes to castor: what changed hands
 * in it is leaked already (journal.h).
 */
void own_end(bool killed);

/* Room in castor's ring; false, counted: frames that it was asked for are lost. */
bool own_has_room(unsigned int frames);

/* Into the ring; there is room. */
void own_push(dva_t skb, unsigned int frames);

#endif
