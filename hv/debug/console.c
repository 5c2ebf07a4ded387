/* SPDX-License-Identifier: GPL-2.0-or-later */
/* COM1 and the multiplexing of its lines and bytes. */
#include "debug/console.h"

#include "cpu/x86.h"
#include "debug/end.h"
#include "lib/errno.h"
#include "lib/string.h"

#define COM1       0x3f8
#define LSR        5
#define LSR_RX     0x01
#define LSR_THRE   0x20
#define LSR_TEMT   0x40
#define TX_SPINS   100000 /* a missing port must not hang the boot */
#define DEBUG_EXIT 0xf4
#define CTRL_A     1
#define ESC        27
#define SELECTABLE 10

static struct console_source *selectable[SELECTABLE];
static unsigned int selectable_count;
static struct console_source *focus;
static struct console_source *open_line; /* whose unfinished line is on the screen */
static bool prefix;                      /* Ctrl-A was typed */

static void wait_lsr(uint8_t bits)
{
	for (int i = 0; i < TX_SPINS && (inb(COM1 + LSR) & bits) != bits; i++)
		cpu_relax();
}

static void put_raw(char c)
{
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
	static const uint8_t init[][2] = { { 3, 0x80 }, { 0, 1 },   { 1, 0 }, { 3, 3 },
					   { 2, 7 },    { 4, 0xb }, { 1, 0 } };

	for (unsigned int i = 0; i < ARRAY_SIZE(init); i++)
		outb(COM1 + init[i][0], init[i][1]);
}

void machine_end(uint8_t code)
{
	static const char text[] = "hv| the machine may be switched off\r\n";

	wait_lsr(LSR_TEMT);
	outb(DEBUG_EXIT, code);
	put_text(text, sizeof(text) - 1);
	for (;;)
		asm volatile("cli; hlt");
}

void console_register(struct console_source *src, bool can_select)
{
	if (!can_select || selectable_count == SELECTABLE)
		return;
	selectable[selectable_count++] = src;
	if (!focus)
		focus = src;
}

/* The screen's cursor goes to the start of a line of src; another source's unfinished line is ended. */
static void begin_line(struct console_source *src)
{
	if (open_line == src)
		return;
	if (open_line)
		put_text("\r\n", 2);
	put_text(src->name, strlen(src->name));
	put_text("| ", 2);
	put_text(src->line, src->shown ? src->len : 0);
	open_line = src;
}

static void end_line(struct console_source *src)
{
	src->shown = src->shown && open_line == src;
	if (!src->shown) {
		src->shown = true;
		begin_line(src);
	}
	put_text("\r\n", 2);
	open_line = NULL;
	src->len = 0;
	src->shown = false;
}

/* Shows the last byte of the line; all of it when another source wrote in between. */
static void show(struct console_source *src, char c)
{
	bool whole = !src->shown || open_line != src;

	src->shown = true;
	begin_line(src);
	if (!whole)
		put_raw(c);
}

void console_put(struct console_source *src, char byte)
{
	if (byte == '\r')
		return;
	if (byte == '\n') {
		end_line(src);
		return;
	}
	if (byte == '\b' && src->len > 0) {
		src->len--;
		if (src->shown && open_line == src)
			put_text("\b \b", 3);
		return;
	}
	if ((uint8_t)byte < ' ' && byte != '\t' && byte != ESC)
		byte = '.';
	if (src->len == sizeof(src->line))
		end_line(src);
	src->line[src->len++] = byte;
	if (src == focus)
		show(src, byte);
}

void console_write(struct console_source *src, const char *text)
{
	while (*text)
		console_put(src, *text++);
}

static void select_source(struct console_source *src)
{
	focus = src;
	if (src->len) {
		src->shown = true;
		begin_line(src);
	}
}

static void input(uint8_t byte)
{
	if (prefix) {
		prefix = false;
		if (byte >= '0' && byte < '0' + selectable_count) {
			select_source(selectable[byte - '0']);
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
	/* A bound: a port that reads all ones (no UART) would go on for ever. */
	for (int i = 0; i < 64; i++) {
		uint8_t lsr = inb(COM1 + LSR);

		if (lsr == 0xff || !(lsr & LSR_RX))
			return;
		input(inb(COM1));
	}
}

int console_focus(const char *name)
{
	for (unsigned int i = 0; i < selectable_count; i++)
		if (strcmp(selectable[i]->name, name) == 0) {
			select_source(selectable[i]);
			return 0;
		}
	return -ENOENT;
}
