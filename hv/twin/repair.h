/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * After a death of the twin in the middle of the driver: makes the driver's rings whole again, so
 * that its own instance goes on with them and needs no reset (R19). A driver's rings are written in
 * an order that lets the card and another CPU look at any instant, so what an invocation had done
 * and what not can be read off them and off the card's registers: nothing is logged on the way of a
 * packet (docs/decisions.md). What the rings do not say is settled so that a frame is lost, not
 * doubled.
 *
 * The driver VM's memory may be spoilt: each number is bounded, each address goes through the
 * window, and rings that do not agree with the card are left to the reset. One file for each driver
 * (drivers/NAME/repair.c).
 */
#ifndef HV_TWIN_REPAIR_H
#define HV_TWIN_REPAIR_H

#include "lib/types.h"

/*
 * Inside an invocation, while the driver's own instance neither polls nor transmits. delivered:
 * frames that the killed invocation had received to their end. NULL: the rings are whole. Otherwise
 * why they are not; then the driver must be reset.
 */
const char *repair_rings(uint64_t delivered);

#endif
