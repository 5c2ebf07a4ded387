/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a death of the twin leaves behind (R19): why it died, and whether the driver's own instance
 * can go on with the rings or must be reset. Called by the kill protocol, from the run loop, window
 * open, interrupts off.
 */
#ifndef HV_TWIN_DEATH_H
#define HV_TWIN_DEATH_H

#include "lib/types.h"

/*
 * An invocation failed. true: the driver VM was stopped while it sends, and the ring has half of
 * its frame, which is its own to finish. It does so as soon as it runs; the twin does not
 * meanwhile. Ask again at the next turn; it lasts 20 ms of the driver VM's time at most.
 */
bool death_waits(void);

/*
 * No invocation failed, but the twin is to die of this, and the driver is to be reset: its rings
 * are not what they should be, or it would move frames. Before the kill protocol.
 */
void death_declare(const char *why);

/* Why it died, and when (TSC); what run_why() says is soon said of another invocation. */
const char *death_why(uint64_t *since);

/*
 * Makes the rings whole; false: they cannot be, and the log says why. frames: that the twin moved
 * since it was attached. One that died again before it had done anything may have died of what a
 * clean stop left to it: then the driver is reset. The death is over with that.
 */
bool death_leaves_rings_whole(uint64_t frames);

/* The driver VM has ended: whatever the twin died of is over too. */
void death_forget(void);

#endif
