/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long a stop of the twin lasts, for the log and the statistics: from the stop's cause to the
 * bridge, and back to the twin. A stop is *asked* for (monitor, or the interface goes), *clean* (a
 * death whose rings the driver's own instance goes on with) or *dirty* (the driver is reset). Times
 * are of the hypervisor's clock, in microseconds; the link's own time behind a reset is not known
 * here. From the run loop and hypercalls, interrupts off.
 */
#ifndef HV_TWIN_OUTAGE_H
#define HV_TWIN_OUTAGE_H

#include "lib/types.h"

enum outage_kind { OUTAGE_NONE, OUTAGE_ASKED, OUTAGE_CLEAN, OUTAGE_DIRTY };

/*
 * A stop, whose cause came at TSC `since`; and later: somebody wants the twin back. A death wants
 * that at once.
 */
void outage_stop(enum outage_kind kind, uint64_t since);
void outage_start(void);

/* Castor's words: the driver is ready (its rings are live, or it was reset); the bridge is open. */
void outage_driver_ready(void);
void outage_bridge_open(uint64_t bridge_frames);

/* The twin is attached again. */
void outage_attached(uint64_t twin_frames);

/* At each turn: frames that came by the bridge's card, and by the twin, so far. */
void outage_poll(uint64_t bridge_frames, uint64_t twin_frames);

/* The kind of the last stop; for JSON. */
enum outage_kind outage_last(void);
void outage_stats(void);

#endif
