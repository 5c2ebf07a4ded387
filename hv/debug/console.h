/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One serial console (COM1, 16550, polled) multiplexed over all sources. Output goes out in lines
 * `NAME| text`; each source collects its own line, and only whole lines are printed, but for the
 * focused source, whose unfinished line is shown at once so that a prompt is visible. A line of
 * another source then first ends the unfinished one, which is printed again from its start when
 * it goes on. A line longer than the buffer goes out in pieces, each a line of its own.
 *
 * Input: bytes go to the focused source, at first the one registered first. Ctrl-A and a digit
 * selects: 0 the monitor, 1.. the VMs in boot order, a.. from the tenth on; Ctrl-A Ctrl-A passes
 * one Ctrl-A.
 *
 * Interrupts off in all calls. A UART that does not answer delays, but never hangs. Where there is
 * none, a screen may take its place: output only.
 */
#ifndef HV_DEBUG_CONSOLE_H
#define HV_DEBUG_CONSOLE_H

#include "lib/types.h"
#include "lib/utf8.h"

#define CONSOLE_SOURCES 25 /* the monitor and VM_MAX VMs; those behind 9 are selected by name */

struct console_source {
	char name[16];                                           /* the tag */
	void (*input)(struct console_source *src, uint8_t byte); /* NULL: takes no input */
	char line[256]; /* unfinished line: whole characters */
	unsigned int len;
	uint8_t part
		[UTF8_MAX]; /* what may become a character of several bytes, not in `line` yet */
	unsigned int parts;
	unsigned int shown; /* bytes of it on the screen, while it is the screen's last line */
};

void console_init(void); /* programs COM1: 115200 8n1, FIFO on; before any output */

/* Whether COM1 exists. */
bool console_has_port(void);

/* Without a port all that would be sent goes to put(), byte by byte, from now on. */
void console_use_screen(void (*put)(char c));

/* Registers a source that stays for ever; selectable ones get digits in order of this call. */
void console_register(struct console_source *src, bool selectable);

/*
 * One byte from a source. CR is dropped, LF ends the line, BS takes the line's last character
 * away. What a terminal could obey or choke on becomes '.', byte for byte: other bytes < 0x20 but
 * TAB, and what is no character in UTF-8 (utf8.h), C1 control codes among it.
 */
void console_put(struct console_source *src, char byte);
void console_write(struct console_source *src, const char *text); /* NUL-terminated text */

/* Polls COM1 and hands input on. Called from the run loop at exits and when idle; cheap. */
void console_poll(void);

/* Selects the source with that name; -ENOENT if there is none. */
int console_focus(const char *name);

/* Waits until the UART has sent everything. */
void console_drain(void);

#endif
