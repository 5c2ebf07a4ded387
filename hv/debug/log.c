/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log: to the console and into a ring in memory. */
#include "debug/log.h"

#include "cpu/timer.h"
#include "debug/console.h"
#include "debug/dump.h"
#include "debug/end.h"
#include "debug/monitor.h"
#include "lib/printf.h"
#include "lib/string.h"

#define LINE_MAX  400
#define RING_SIZE KIB(64)

static struct console_source source = { .name = "hv" };
static char ring[RING_SIZE];
static uint64_t ring_at;
static uint64_t last_stage;

static void ring_add(const char *text)
{
	for (; *text; text++)
		ring[ring_at++ % RING_SIZE] = *text == '\n' ? '.' : *text;
	ring[ring_at++ % RING_SIZE] = '\n';
}

static void line(const char *lead, const char *fmt, va_list ap)
{
	char text[LINE_MAX];
	size_t n = strlcpy(text, lead, sizeof(text));

	vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	ring_add(text);
	console_write(&source, text);
	console_put(&source, '\n');
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line("", fmt, ap);
	va_end(ap);
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line("warning: ", fmt, ap);
	va_end(ap);
}

void log_stage(const char *fmt, ...)
{
	char text[LINE_MAX];
	uint64_t now = tsc_now();
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* Before the clock is known the stage's time cannot be told. */
	if (tsc_khz && last_stage)
		log_info("[ ok ] %s (%lu ms)", text, (now - last_stage) / tsc_khz);
	else
		log_info("[ ok ] %s", text);
	last_stage = now;
}

void boot_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line("[FAIL] ", fmt, ap);
	va_end(ap);
	machine_end(END_FATAL);
}

void bug(const char *file, int at, const char *fmt, ...)
{
	static bool again;
	char text[LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_info("FATAL %s:%d: %s", file, at, text);
	if (!again) { /* a fault in the dump itself ends here the second time */
		again = true;
		dump_stack((uint64_t)__builtin_frame_address(0));
	}
	machine_panic();
}

static int monitor_log(int argc, char **argv)
{
	uint64_t at = 0;
	char text[LINE_MAX];
	size_t n = 0;

	(void)argc;
	(void)argv;
	/* What is left of the line that is being written over is not shown. */
	if (ring_at > RING_SIZE)
		for (at = ring_at - RING_SIZE; ring[at++ % RING_SIZE] != '\n';)
			;
	for (; at < ring_at; at++) {
		char c = ring[at % RING_SIZE];

		if (c != '\n') {
			text[n++] = c; /* line() bounds it */
			continue;
		}
		text[n] = 0;
		mon("%s", text);
		n = 0;
	}
	return 0;
}
MONITOR("log", "the hypervisor's last log lines", monitor_log);
