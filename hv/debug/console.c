/* SPDX-License-Identifier: GPL-2.0-or-later */
/* COM1 and the multiplexing of its lines and bytes. Registers: 16550 data sheet, 8.0. */
#include "debug/console.h"

#include "cpu/x86.h"
#include "lib/errno.h"
#include "lib/string.h"

#define COM1       0x3f8
#define LSR        5
#define LSR_RX     0x01
#define LSR_THRE   0x20
#define LSR_TEMT   0x40
#define LSR_ABSENT 0xff /* nothing drives the bus */
#define CTRL_A     1
#define POLL_BYTES 64

/*
 * A port that never gets ready must not hang the boot: each wait is bounded, and after one in vain
 * the next ones are short until the port answers again.
 */
#define PATIENCE_LONG  100000
#define PATIENCE_SHORT 16

static struct console_source *sources[CONSOLE_SOURCES];
static unsigned int source_count;
static struct console_source *focus;
static struct console_source *open_line; /* whose unfinished line is on the screen */
static bool prefix;                      /* Ctrl-A was typed */
static unsigned int patience = PATIENCE_LONG;
static void (*screen)(char c); /* in place of a port, or NULL */

static void wait_lsr(uint8_t bits)
{
	for (unsigned int i = 0; i < patience; i++) {
		if ((inb(COM1 + LSR) & bits) == bits) {
			patience = PATIENCE_LONG;
			return;
		}
		cpu_relax();
	}
	patience = PATIENCE_SHORT;
}

static void put_raw(char c)
{
	if (screen) {
		screen(c);
		return;
	}
	wait_lsr(LSR_THRE);
	outb(COM1, c);
}

static void put_text(const char *s, size_t n)
{
	while (n--)
		put_raw(*s++);
}

void console_init(void)
{
	/* DLAB, divisor 1, 8n1, FIFO on and cleared, OUT2 RTS DTR, no interrupts. */
	static const uint8_t init[][2] = { { 3, 0x80 }, { 0, 1 },   { 1, 0 }, { 3, 3 },
					   { 2, 7 },    { 4, 0xb }, { 1, 0 } };

	for (unsigned int i = 0; i < ARRAY_SIZE(init); i++)
		outb(COM1 + init[i][0], init[i][1]);
}

bool console_has_port(void)
{
	return inb(COM1 + LSR) != LSR_ABSENT;
}

void console_use_screen(void (*put)(char c))
{
	if (!console_has_port())
		screen = put;
}

void console_drain(void)
{
	wait_lsr(LSR_TEMT);
}

void console_register(struct console_source *src, bool selectable)
{
	if (!selectable || source_count == CONSOLE_SOURCES)
		return;
	sources[source_count++] = src;
	if (!focus)
		focus = src;
}

/* Brings src's line on the screen up to date; another source's unfinished line is ended. */
static void show(struct console_source *src)
{
	if (open_line != src) {
		if (open_line)
			put_text("\r\n", 2);
		put_text(src->name, strlen(src->name));
		put_text("| ", 2);
		open_line = src;
		src->shown = 0;
	}
	put_text(src->line + src->shown, src->len - src->shown);
	src->shown = src->len;
}

static void end_line(struct console_source *src)
{
	show(src);
	put_text("\r\n", 2);
	open_line = NULL;
	src->len = 0;
	src->shown = 0;
}

/* A character, whatever its bytes, is one column. */
static void rub_out(struct console_source *src)
{
	if (src->len == 0)
		return;
	do
		src->len--;
	while (src->len && ((uint8_t)src->line[src->len] >> 6) == 2);
	if (open_line == src && src->shown > src->len) {
		put_text("\b \b", 3);
		src->shown = src->len;
	}
}

/* A character goes out in one piece. */
static void add(struct console_source *src, const void *bytes, unsigned int n)
{
	if (src->len + n > sizeof(src->line))
		end_line(src);
	memcpy(src->line + src->len, bytes, n);
	src->len += n;
	if (src == focus)
		show(src);
}

/* No character came of the bytes that wait. */
static void give_up(struct console_source *src)
{
	for (; src->parts; src->parts--)
		add(src, ".", 1);
}

static void put_high(struct console_source *src, uint8_t byte)
{
	enum utf8 is;

	src->part[src->parts++] = byte;
	is = utf8_check(src->part, src->parts);
	if (is == UTF8_BAD && src->parts > 1) {
		src->parts--;
		give_up(src);
		src->part[src->parts++] = byte; /* may begin another one */
		is = utf8_check(src->part, src->parts);
	}
	if (is == UTF8_BAD)
		give_up(src);
	if (is == UTF8_WHOLE) {
		add(src, src->part, src->parts);
		src->parts = 0;
	}
}

void console_put(struct console_source *src, char byte)
{
	if ((uint8_t)byte >= 0x80) {
		put_high(src, byte);
		return;
	}
	give_up(src);
	switch (byte) {
	case '\r':
		return;
	case '\n':
		end_line(src);
		return;
	case '\b':
		rub_out(src);
		return;
	}
	if (byte < ' ' && byte != '\t')
		byte = '.';
	add(src, &byte, 1);
}

void console_write(struct console_source *src, const char *text)
{
	while (*text)
		console_put(src, *text++);
}

static void select_source(struct console_source *src)
{
	focus = src;
	if (src->len)
		show(src);
}

/* Its number, from 0; none has a byte that is no digit and no letter. */
static unsigned int number_of(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	return byte >= 'a' && byte <= 'z' ? byte - 'a' + 10U : ~0U;
}

static void input(uint8_t byte)
{
	if (prefix) {
		unsigned int number = number_of(byte);

		prefix = false;
		if (number < source_count) {
			select_source(sources[number]);
			return;
		}
		if (byte != CTRL_A)
			return;
	} else if (byte == CTRL_A) {
		prefix = true;
		return;
	}
	if (focus && focus->input)
		focus->input(focus, byte);
}

void console_poll(void)
{
	for (int i = 0; i < POLL_BYTES; i++) {
		uint8_t lsr = inb(COM1 + LSR);

		if (lsr == LSR_ABSENT || !(lsr & LSR_RX))
			return;
		input(inb(COM1));
	}
}

int console_focus(const char *name)
{
	for (unsigned int i = 0; i < source_count; i++)
		if (strcmp(sources[i]->name, name) == 0) {
			select_source(sources[i]);
			return 0;
		}
	return -ENOENT;
}
