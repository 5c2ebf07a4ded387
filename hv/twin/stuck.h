/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether frames stand still that should move: a driver whose own data is wrong lives and moves
 * none, and nobody dies of that (R19). Decides by looks, one a second of the driver VM's time
 * (twin/watch); pure arithmetic, and it knows no driver.
 *
 * Transmit stands still at a look when frames wait, none has been completed since the look before,
 * and the card has a link that takes frames. Receive does when the card can take no frame, or has
 * taken some of which the driver knows nothing: it received none and brought no buffer. On a quiet
 * wire neither is so. A frame that moves ends it. Without a link, with a card
 * that was asked to pause, or while the driver sets its card up, nothing can be told: such a look
 * does not count, and ends nothing. That it sets its card up, or that its interface is down, is
 * what its own data say, so they are believed for twenty looks: nothing takes longer while the twin
 * is attached (the longest is the self-test, ten seconds with its resets).
 *
 * Ten such looks are the twin's fault: it dies, and its driver is reset. If that was in vain, if
 * frames stand still again within a minute or before any has moved, the driver VM is what has to
 * start anew (R20); five looks tell.
 */
#ifndef HV_TWIN_STUCK_H
#define HV_TWIN_STUCK_H

#include "lib/types.h"

#define STUCK_LOOKS       10
#define STUCK_LOOKS_AGAIN 5  /* behind a reset that may have been in vain */
#define STUCK_PROOF_LOOKS 60 /* it was not, if frames still move then */
#define STUCK_EXCUSED     20 /* looks in a row at a driver that says that it may not move any */

struct stuck_sight {
	bool started;             /* the interface is up, as the driver VM has it */
	bool busy;                /* the driver is setting its card up */
	bool link;                /* the card has a link */
	bool paused;              /* the other end of it wants no frames */
	bool waits;               /* frames wait in the driver, or for it */
	bool deaf;                /* the card can take no frame: receiver off, or no buffer left */
	uint32_t head, tail;      /* move with each frame that came in, with each buffer brought */
	uint64_t ended, received; /* frames completed, frames received, so far */
};

enum stuck_verdict { STUCK_NO, STUCK_TWIN, STUCK_DVM };

/* One look. Not STUCK_NO: what stands still, in *what, for the log. */
enum stuck_verdict stuck_look(const struct stuck_sight *s, const char **what);

/* The twin is attached, again or for the first time. */
void stuck_attached(void);

/* The driver VM has ended: what its driver did is forgotten. The counts stay. */
void stuck_forget(void);

struct stuck_counts {
	uint64_t transmit, receive; /* verdicts by what stood still ... */
	uint64_t dvm;               /* ... and of these, those that end the driver VM */
};
extern struct stuck_counts stuck_counts;

#endif
