/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks once a second whether the twin moves frames (twin/stuck decides), with its own timer, so
 * that an idle hypervisor looks too. A second of the driver VM's time: one that waits for its turn
 * can answer for nothing. What the wire says comes from the card itself (twin/card); without that
 * nothing is watched.
 */
#ifndef HV_TWIN_WATCH_H
#define HV_TWIN_WATCH_H

#include "twin/stuck.h"

struct vm;

/*
 * From the run loop with the twin attached, outside of an invocation, interrupts off. Cheap between
 * two looks. what: as in stuck_look(). An access that the window refuses is a death like any other
 * (STUCK_TWIN, and *what is NULL: run_why() says the rest).
 */
enum stuck_verdict watch_look(const struct vm *dvm, const char **what);

#endif
