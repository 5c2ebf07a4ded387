/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who pays for the hypervisor's work on frames (vm/turn.h): the guests whose frames they were, each
 * for its part of them. Whoever sends pays; for what comes from the wire, whoever gets it. The
 * driver VM does not: its card carries others' frames, and upcalls are for theirs.
 *
 * An uplink with a queue of its own gives guests' frames to the card, and takes them back, when
 * other frames move or none. Whose they were nobody knows any more: whose frames moved last pay for
 * that work.
 */
#ifndef HV_NET_CHARGE_H
#define HV_NET_CHARGE_H

#include "lib/types.h"

/*
 * So much time, in TSC ticks, went by in the hypervisor since the last call. False: no frame of a
 * guest was worked on, and nobody pays. The run loop, interrupts off.
 */
bool net_charge(uint64_t ticks);

#endif
