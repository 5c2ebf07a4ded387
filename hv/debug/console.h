/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One serial console (COM1, 16550, polled) multiplexed over all sources. Output goes out in lines
 * `NAME| text`; each source collects its own line, and only whole lines are printed, but for the
 * focused source, whose unfinished line is shown at once so that a prompt is visible. A line of
 * another source then first ends the unfinished one.
 *
 * Input: bytes go to the focused source. Ctrl-A and a digit selects: 0 the monitor, 1.. the VMs
 * in boot order; Ctrl-A Ctrl-A passes one Ctrl-A.
 */
#ifndef HV_DEBUG_CONSOLE_H
#define HV_DEBUG_CONSOLE_H

#include "lib/types.h"

struct console_source {
	char name[16];                                           /* the tag */
	void (*input)(struct console_source *src, uint8_t byte); /* NULL: takes no input */
	char line[256];                                          /* unfinished line */
	unsigned int len;
	bool shown; /* the unfinished line is on the screen */
};

void console_init(void); /* programs COM1: 115200 8n1, FIFO on; before any output */

/* Registers a source that stays for ever; selectable ones get digits in order of this call. */
void console_register(struct console_source *src, bool selectable);

/* One byte from a source. CR is dropped, LF ends the line; bytes < 0x20 but TAB and ESC become '.'. */
void console_put(struct console_source *src, char byte);
void console_write(struct console_source *src, const char *text); /* NUL-terminated text */

/* Polls COM1 and hands input on. Called from the run loop at exits and when idle; cheap. */
void console_poll(void);

/* Selects the source with that name; -ENOENT if there is none. */
int console_focus(const char *name);

#endif
