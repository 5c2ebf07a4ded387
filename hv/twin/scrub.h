/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks once a second whether the twin's code still is what the judge has taken. Nobody writes to
 * it, but memory has faults, and a driver whose code changed may be wrong in silence: drop each
 * frame, say. It does not confine such code: what runs within that second is up to traps.
 */
#ifndef HV_TWIN_SCRUB_H
#define HV_TWIN_SCRUB_H

#include "lib/types.h"

/* true: it is not, and run_why() says where. With a twin attached, outside of an invocation. */
bool scrub_finds(void);

#endif
