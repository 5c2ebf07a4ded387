/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitor command `late`: the timer's interrupts come too late; the test is that nobody dies. */
#include "cpu/lapic.h"
#include "cpu/timer.h"
#include "debug/monitor.h"
#include "lib/errno.h"
#include "lib/string.h"

#define MS_MAX 1000

static int monitor_late(int argc, char **argv)
{
	const char *ms_text = argc == 3 ? argv[1] : "", *times_text = argc == 3 ? argv[2] : "";
	uint64_t ms, times;

	if (argc == 1) {
		mon("%lu late interrupts of the timer are to come", lapic_timer_late_left());
		return 0;
	}
	if (parse_u64(&ms_text, &ms) || *ms_text || parse_u64(&times_text, &times) || *times_text ||
	    ms > MS_MAX) {
		mon("usage: late [MS TIMES] (at most %d ms)", MS_MAX);
		return -EINVAL;
	}
	lapic_timer_late(ms * tsc_khz, times);
	return 0;
}
MONITOR("late", "[MS TIMES] the timer's next interrupts come so much too late, for tests",
	monitor_late);
