/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where received frames go: to guests through the switch, copied once and the buffer recycled at
 * once; to the driver VM's stack as the socket buffer itself, through castor's ring (R11). Inside
 * an invocation.
 */
#ifndef HV_TWIN_RECEIVE_H
#define HV_TWIN_RECEIVE_H

#include "lib/types.h"

/*
 * frames = own (the driver VM's alone) + too_large (for a guest's card) + frames given to the
 * switch, which counts what became of them.
 */
struct receive_counts {
	uint64_t frames, bytes, to_guests, to_dvm, own, dropped, too_large;
};
extern struct receive_counts receive_counts;

#endif
