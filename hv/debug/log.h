/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypervisor's own log: lines `hv| text` on the console, and a memory ring that the fatal
 * dump and the monitor print again. Callable in any context, also from trap handlers.
 */
#ifndef HV_DEBUG_LOG_H
#define HV_DEBUG_LOG_H

#include "lib/types.h"

/* One line without its newline; longer than 400 characters is cut. */
void log_info(const char *fmt, ...) __format(1, 2);
void log_warn(const char *fmt, ...) __format(1, 2);

/* Times a boot stage: log_stage("text") prints `[ ok ] text (N ms)`, N since the last stage. */
void log_stage(const char *fmt, ...) __format(1, 2);

/*
 * A fault of the user's input (boot words, modules): prints `[FAIL] text` and ends the machine
 * with exit code 0x11. Nothing has run yet, so nothing is lost.
 */
void __noreturn boot_fail(const char *fmt, ...) __format(1, 2);

/*
 * Our own bug: dumps everything (debug/dump.h) and stops the machine with exit code 0x11, or starts
 * it anew (debug/end.h).
 */
void __noreturn bug(const char *file, int line, const char *fmt, ...) __format(3, 4);
#define BUG(...) bug(__FILE__, __LINE__, __VA_ARGS__)
#define BUG_ON(cond)                               \
	do {                                       \
		if (__builtin_expect(!!(cond), 0)) \
			BUG("%s", #cond);          \
	} while (0)

#endif
