/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitor command `window`: what is compared, and switches for tests of R4 and of the miss path. */
#include "debug/monitor.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "twin/window.h"

static const struct {
	const char *name;
	void (*set)(bool on);
} switches[] = { { "rule", window_set_rule }, { "cold", window_set_cold } };

static bool set_switch(const char *name, const char *value)
{
	if (strcmp(value, "on") && strcmp(value, "off"))
		return false;
	for (unsigned int i = 0; i < ARRAY_SIZE(switches); i++)
		if (strcmp(name, switches[i].name) == 0) {
			switches[i].set(value[1] == 'n');
			return true;
		}
	return false;
}

static int monitor_window(int argc, char **argv)
{
	dva_t va;

	if (argc == 3 && set_switch(argv[1], argv[2]))
		return 0;
	if (argc != 1) {
		mon("usage: window [rule|cold on|off]");
		return -EINVAL;
	}
	mon("%lu pages; fills %lu, dropped %lu, flushes %lu", window_pages(), window_stats.fills,
	    window_stats.dropped, window_stats.flushes);
	for (unsigned int i = 0; (va = window_tracked(i)); i++)
		mon("compared: %lx", va);
	return 0;
}
MONITOR("window", "pages compared with the driver VM's; `rule off`, `cold on` for tests",
	monitor_window);
