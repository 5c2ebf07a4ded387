/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who pays for the hypervisor's work on frames (vm/turn.h): the guests whose frames they were, each
 * for its part of them. Whoever sends pays; for what comes from the wire, whoever gets it. The
 * driver VM does not: its card carries others' frames, and upcalls are for theirs. Nor does it pay
 * for its own time that guests' frames to it take while the twin is the uplink, or who floods it,
 * or everybody, would have a fourth of the CPU spent besides its own share. Their senders do.
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

/* The driver VM ran for so long. Returns what of that it has to pay itself. The run loop. */
uint64_t net_charge_dvm(uint64_t ticks);

#endif
