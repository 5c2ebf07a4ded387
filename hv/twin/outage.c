/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times of the last stop. */
#include "twin/outage.h"

#include "cpu/timer.h"
#include "debug/log.h"
#include "debug/stats.h"

static const char *const names[] = { "none", "asked", "clean", "dirty" };

static uint64_t stops[4]; /* by kind */
static enum outage_kind last;
static uint64_t stopped_at, started_at;           /* TSC; 0: no such thing is measured now */
static uint64_t last_at;                          /* TSC of the last stop */
static uint64_t ready_took, open_took, back_took; /* in TSC ticks */

/* The first frame behind an event: waited for, counted from, and when it came. */
struct first_frame {
	bool awaited;
	uint64_t since, counter, took;
};
static struct first_frame by_bridge, by_twin;

static uint64_t us(uint64_t ticks)
{
	return ticks * 1000 / tsc_khz;
}

static void await_frame(struct first_frame *f, uint64_t since, uint64_t counter)
{
	*f = (struct first_frame){ .awaited = since != 0, .since = since, .counter = counter };
}

static void look(struct first_frame *f, uint64_t counter)
{
	if (!f->awaited || counter == f->counter)
		return;
	f->awaited = false;
	f->took = tsc_now() - f->since;
}

void outage_stop(enum outage_kind kind, uint64_t since)
{
	last = kind;
	stops[kind]++;
	last_at = stopped_at = since;
	started_at = kind == OUTAGE_ASKED ? 0 : stopped_at;
	ready_took = open_took = back_took = 0;
	by_bridge = by_twin = (struct first_frame){ 0 };
}

void outage_start(void)
{
	started_at = tsc_now();
}

void outage_driver_ready(void)
{
	if (stopped_at)
		ready_took = tsc_now() - stopped_at;
}

void outage_bridge_open(uint64_t bridge_frames)
{
	if (!stopped_at)
		return;
	open_took = tsc_now() - stopped_at;
	await_frame(&by_bridge, stopped_at, bridge_frames);
	log_info("twin's stop (%s): the bridge is open after %lu us", names[last], us(open_took));
}

void outage_attached(uint64_t twin_frames)
{
	if (!started_at)
		return;
	back_took = tsc_now() - started_at;
	await_frame(&by_twin, started_at, twin_frames);
	by_bridge.awaited = false;
	if (last == OUTAGE_CLEAN)
		log_info("twin is back %lu us after its death, rings handed over after %lu us",
			 us(back_took), us(ready_took));
	else if (last == OUTAGE_DIRTY)
		log_info("twin is back %lu us after its death, driver reset after %lu us",
			 us(back_took), us(ready_took));
	stopped_at = started_at = 0;
}

void outage_poll(uint64_t bridge_frames, uint64_t twin_frames)
{
	look(&by_bridge, bridge_frames);
	look(&by_twin, twin_frames);
}

enum outage_kind outage_last(void)
{
	return last;
}

void outage_stats(void)
{
	json_string("stop", names[last]);
	json_u64("stops_asked", stops[OUTAGE_ASKED]);
	json_u64("stops_clean", stops[OUTAGE_CLEAN]);
	json_u64("stops_dirty", stops[OUTAGE_DIRTY]);
	json_u64("stop_at_us", us(last_at)); /* of the clock of `up_us` */
	json_u64("stop_open_us", us(open_took));
	json_u64("stop_frame_us", us(by_bridge.took));
	json_u64("reset_us", us(ready_took));
	json_u64("back_us", us(back_took));
	json_u64("back_frame_us", us(by_twin.took));
}
