/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where received frames go: to guests through the switch, copied once and the buffer recycled; to
 * the driver VM's stack as the socket buffer itself (receive_own.h). Inside an invocation.
 *
 * TCP segments for a guest that takes large frames are merged (net/coalesce.h). Their buffers are
 * held until receive_flush(), in the driver VM's memory: what they hold was received to its end,
 * and stays good if the twin dies meanwhile.
 */
#ifndef HV_TWIN_RECEIVE_H
#define HV_TWIN_RECEIVE_H

#include "lib/types.h"

/*
 * frames = own (the driver VM's alone) + too_large (for a guest's card) + acknowledgements that
 * went nowhere (receive_merged()) + frames given to the switch, which counts what became of them.
 */
struct receive_counts {
	uint64_t frames, bytes, to_guests, to_dvm, own, dropped, too_large;
};
extern struct receive_counts receive_counts;

/*
 * Behind each invocation, whatever became of it: frames that are held go out, their buffers back
 * into the pool. In between nothing is held.
 */
void receive_flush(void);

/* Whether frames are merged, as the driver VM's interface has it (GRO). Inside an invocation. */
bool receive_merges(void);

/*
 * Frames given to the switch that were merged of several, how many those were, and acknowledgements
 * for guests that a later one stood for.
 */
struct receive_merged {
	uint64_t frames, segments, acks;
};
struct receive_merged receive_merged(void);

#endif
