/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines typed on COM1. The UART is polled, not interrupt driven: a look costs an exit, so it
 * happens every 50 ms, and every millisecond while a line is coming in.
 */
#include "apps/apps.h"
#include "lib/print.h"
#include "lib/uart.h"

#define POLL_US       50000
#define POLL_BUSY_US  1000
#define BYTES_AT_ONCE 64

static char line[256];
static size_t length;
static uint64_t next_us;

/*
 * Settings are for the command line: an address, once used, does not change under open
 * connections.
 */
static bool has_settings(const struct settings *s)
{
	return s->ip || s->dhcp || s->gw || s->tsc_khz;
}

static void line_done(void)
{
	static struct words words; /* too large for the stack's taste */

	line[length] = '\0';
	length = 0;
	if (!line[0])
		return;
	print("> %s\n", line);
	if (!words_parse(&words, line))
		print("stub: error %s\n", words.error);
	else if (has_settings(&words.settings))
		print("stub: error settings belong on the command line\n");
	else
		apps_submit(&words);
}

static void input(char c)
{
	if (c == '\r' || c == '\n') {
		line_done();
	} else if (c == '\b' || c == 0x7f) {
		if (length)
			length--;
	} else if (c >= ' ' && length < sizeof(line) - 1) {
		line[length++] = c;
	}
}

void console_run(uint64_t now_us)
{
	unsigned int n = 0;
	int c;

	if (now_us < next_us)
		return;
	while (n < BYTES_AT_ONCE && (c = uart_read()) >= 0) {
		input((char)c);
		n++;
	}
	next_us = now_us + (n ? POLL_BUSY_US : POLL_US);
}

uint64_t console_next_us(void)
{
	return next_us;
}
