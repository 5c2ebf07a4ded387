/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypervisor monitor: a line on the console while source 0 is focused is a command. Its
 * output comes as `mon| ...`, the last line is `mon| ok` or `mon| error: REASON`.
 * A module adds a command by one line at its end: MONITOR("stats", "what it shows", fn).
 */
#ifndef HV_DEBUG_MONITOR_H
#define HV_DEBUG_MONITOR_H

#include "lib/types.h"

#define MONITOR_MAX_ARGS 20 /* `upcalls force` takes the most */

/* argv[0] is the command's name. Returns 0 or a negative errno after printing why. */
typedef int monitor_fn(int argc, char **argv);

struct monitor_command {
	const char *name;
	const char *help; /* one line */
	monitor_fn *run;
};

#define MONITOR(name_, help_, fn_)                        \
	static const struct monitor_command monitor_##fn_ \
		__attribute__((section(".monitor"), used, aligned(8))) = { name_, help_, fn_ }

void monitor_init(void);

/* Prints one `mon| ` line. Only inside a monitor_fn. */
void mon(const char *fmt, ...) __format(1, 2);

#endif
