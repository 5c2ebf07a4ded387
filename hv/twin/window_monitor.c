/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitor command `window`: what is compared, and a switch for the test of rule R4. */
#include "debug/monitor.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "twin/window.h"

static int monitor_window(int argc, char **argv)
{
	dva_t va;

	if (argc == 3 && strcmp(argv[1], "rule") == 0 &&
	    (strcmp(argv[2], "on") == 0 || strcmp(argv[2], "off") == 0)) {
		window_set_rule(argv[2][1] == 'n');
		return 0;
	}
	if (argc != 1) {
		mon("usage: window [rule on|off]");
		return -EINVAL;
	}
	mon("%lu pages; fills %lu, dropped %lu, flushes %lu", window_pages(), window_stats.fills,
	    window_stats.dropped, window_stats.flushes);
	for (unsigned int i = 0; (va = window_tracked(i)); i++)
		mon("compared: %lx", va);
	return 0;
}
MONITOR("window", "pages compared with the driver VM's; `rule off` for tests", monitor_window);
