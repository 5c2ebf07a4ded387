/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Buffers between castor and the pool (R16): how many castor is to donate, taking its donations,
 * giving back what is not needed or has become too small. From the run loop and hypercalls,
 * interrupts off, outside an invocation; area is castor's shared memory.
 */
#ifndef HV_TWIN_SUPPLY_H
#define HV_TWIN_SUPPLY_H

#include "drivers/castor_abi.h"
#include "lib/types.h"

/* What a new area is to donate first. */
void supply_hello(struct castor_shared *area);

/* Takes donations, and notices of objects that the driver VM has freed. */
void supply_take(void);

/* Totals since HELLO: what was given, and what it takes to have the pools full again. */
void supply_want(struct castor_shared *area);

/*
 * Whether it is time to look at the levels: enough frames have moved since, or the twin asked for a
 * buffer in vain, so that none may move until it gets some. frames: moved by the twin so far.
 */
bool supply_is_due(uint64_t frames);

/* Gives pooled buffers back through ring `back`, as many as fit; how many. */
int64_t supply_return(void);

/* Objects that became too small go back, larger ones are asked for. Cheap when there are none. */
void supply_renew(void);

/* Whether every buffer is accounted for by the equation of pool.h, at any time. */
bool supply_adds_up(void);

/* Logs where every buffer went, by that equation. */
void supply_report(void);

#endif
