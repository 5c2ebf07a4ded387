/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monitor command `nmi COUNT SEED`: so many NMIs at random times, for campaigns. The old timer
 * (8254, channel 0), which nobody else uses, counts down once for each; its line is pin 2 of the
 * IOAPIC (pin 0 is the 8259's), which is set to be an NMI. The handler starts the next countdown,
 * so none is lost unseen: if one were, no other would follow.
 *
 * Every AGAIN-th time the handler sends two more while it runs. The CPU keeps one of them, and it
 * has to come when the handler has ended, before anything else of what was interrupted runs.
 */
#include "cpu/ioapic.h"
#include "cpu/lapic.h"
#include "cpu/nmi.h"
#include "cpu/x86.h"
#include "debug/monitor.h"
#include "debug/stats.h"
#include "lib/errno.h"
#include "lib/string.h"

#define PIN           2
#define PIT_CHANNEL_0 0x40
#define PIT_COMMAND   0x43
#define PIT_ONE_SHOT  0x30 /* channel 0, both bytes, mode 0: the line rises when it is over */
#define PIT_LEAST     16   /* 13 us */
#define PIT_SPREAD    512  /* up to 430 us more */
#define AGAIN         16

/* Written by the monitor while no countdown runs, else by the handler. */
static struct {
	uint64_t left, fired; /* countdowns */
	uint64_t sent, again; /* NMIs that the handler sent itself, and those of them that came */
	uint64_t late;        /* of those, not where the first one had been */
	uint64_t random;
	bool expected;
} source;

/* Marsaglia, Xorshift RNGs, J. of Statistical Software 8 (14), 2003. */
static uint64_t next_random(void)
{
	source.random ^= source.random << 13;
	source.random ^= source.random >> 7;
	source.random ^= source.random << 17;
	return source.random;
}

static void start_countdown(void)
{
	uint16_t ticks = PIT_LEAST + next_random() % PIT_SPREAD;

	outb(PIT_COMMAND, PIT_ONE_SHOT);
	outb(PIT_CHANNEL_0, ticks & 0xff);
	outb(PIT_CHANNEL_0, ticks >> 8);
}

static void on_nmi(bool repeated)
{
	if (source.expected) {
		source.expected = false;
		source.again++;
		source.late += !repeated;
	} else {
		source.fired++;
		if (source.left)
			source.left--;
		if (source.fired % AGAIN == 0) {
			source.expected = true;
			source.sent++;
			lapic_nmi_self();
			lapic_nmi_self();
			return;
		}
	}
	if (source.left)
		start_countdown();
}

static int start(int argc, char **argv)
{
	const char *count = argv[1], *seed = argc == 3 ? argv[2] : "1";

	if (source.left) {
		mon("%lu are to come yet", source.left);
		return -EBUSY;
	}
	if (parse_u64(&count, &source.left) || *count || parse_u64(&seed, &source.random) ||
	    *seed || !source.random) {
		source.left = 0;
		return -EINVAL;
	}
	nmi_set_hook(on_nmi);
	ioapic_route_nmi(PIN);
	if (source.left)
		start_countdown();
	return 0;
}

static int monitor_nmi(int argc, char **argv)
{
	if (argc == 2 || argc == 3)
		return start(argc, argv);
	if (argc != 1) {
		mon("usage: nmi [COUNT [SEED]]");
		return -EINVAL;
	}
	for (int p = 0; p < NMI_PLACES; p++)
		mon("%-8s %lu", nmi_place_name(p), nmi_counts.at[p]);
	mon("taken %lu; of the timer %lu, to come %lu; in a handler %lu, of which came %lu",
	    nmi_counts.taken, source.fired, source.left, source.sent, source.again);
	return 0;
}
MONITOR("nmi", "[COUNT [SEED]] NMIs by what they hit; so many more at random times, for tests",
	monitor_nmi);

static void stats_source(void)
{
	json_u64("fired", source.fired);
	json_u64("left", source.left);
	json_u64("sent", source.sent);
	json_u64("again", source.again);
	json_u64("late", source.late);
}
STATS("nmi_source", stats_source);
