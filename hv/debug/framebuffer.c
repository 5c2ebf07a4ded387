/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Characters on a framebuffer. The text is kept beside it: the screen is never read, which would be
 * slow, and only characters that change are drawn.
 */
#include "debug/framebuffer.h"

#include "debug/console.h"
#include "debug/log.h"
#include "lib/string.h"
#include "mem/paging.h"

#include "font.h" /* made by scripts/font.py: font[], FONT_FIRST, FONT_LAST */

#define GLYPH_WIDTH  8
#define GLYPH_HEIGHT 16
#define COLUMNS_MAX  480 /* 3840 pixels */
#define ROWS_MAX     135 /* 2160 pixels */
#define PITCH_MAX    KIB(64)
#define ADDRESS_END  TIB(1)
#define UNKNOWN      '?'

static struct {
	hpa_t addr;
	volatile uint8_t *pixels; /* NULL: not mapped now */
	uint64_t size;
	uint32_t pitch, bytes; /* of a line, of a pixel */
	uint32_t white;
	unsigned int columns, rows, column, row;
} fb;

static char text[ROWS_MAX][COLUMNS_MAX];

static void draw_pixel(volatile uint8_t *at, uint32_t colour)
{
	if (fb.bytes == 4)
		*(volatile uint32_t *)at = colour;
	else
		for (uint32_t i = 0; i < fb.bytes; i++)
			at[i] = colour >> 8 * i;
}

static void draw(unsigned int row, unsigned int column)
{
	volatile uint8_t *line = fb.pixels + (uint64_t)row * GLYPH_HEIGHT * fb.pitch +
				 (uint64_t)column * GLYPH_WIDTH * fb.bytes;
	const uint8_t *glyph = font[text[row][column] - FONT_FIRST];

	for (int y = 0; y < GLYPH_HEIGHT; y++, line += fb.pitch)
		for (int x = 0; x < GLYPH_WIDTH; x++)
			draw_pixel(line + x * fb.bytes, glyph[y] & 0x80 >> x ? fb.white : 0);
}

static void set(unsigned int row, unsigned int column, char c)
{
	if (text[row][column] == c)
		return;
	text[row][column] = c;
	if (fb.pixels)
		draw(row, column);
}

/* By a quarter of the screen, as drawing is slow. */
static void scroll(void)
{
	unsigned int by = MAX(fb.rows / 4, 1U);

	for (unsigned int row = 0; row < fb.rows; row++)
		for (unsigned int column = 0; column < fb.columns; column++)
			set(row, column, row + by < fb.rows ? text[row + by][column] : ' ');
	fb.row -= by;
}

static void new_line(void)
{
	fb.column = 0;
	if (++fb.row == fb.rows)
		scroll();
}

/* The console lets nothing through but text in UTF-8, \r, \n, \b and TAB. */
static void put(char c)
{
	if (((uint8_t)c & 0xc0) == 0x80)
		return; /* not the first byte of its character */
	if (c == '\r') {
		fb.column = 0;
	} else if (c == '\n') {
		new_line();
	} else if (c == '\b') {
		fb.column -= fb.column > 0;
	} else {
		if (fb.column == fb.columns)
			new_line();
		if (c == '\t')
			c = ' ';
		set(fb.row, fb.column++, c < FONT_FIRST || c > FONT_LAST ? UNKNOWN : c);
	}
}

/* The bits of a colour at its brightest; 0: they are not inside of a pixel. */
static uint32_t bright(uint8_t pos, uint8_t size, uint8_t bpp)
{
	if (size == 0 || size > 16 || bpp > 32 || pos + size > bpp)
		return 0;
	return ((1U << size) - 1) << pos;
}

static bool overlaps_ram(const struct boot_info *boot)
{
	for (unsigned int i = 0; i < boot->ranges; i++) {
		const struct boot_range *r = &boot->range[i];

		if (r->type == RANGE_RAM && r->start < fb.addr + fb.size &&
		    fb.addr - MIN(r->start, fb.addr) < r->size)
			return true;
	}
	return false;
}

static bool take(const struct boot_info *boot)
{
	const struct boot_framebuffer *s = &boot->screen;
	uint32_t red = bright(s->red.pos, s->red.size, s->bpp);
	uint32_t green = bright(s->green.pos, s->green.size, s->bpp);
	uint32_t blue = bright(s->blue.pos, s->blue.size, s->bpp);

	fb.bytes = ALIGN_UP(s->bpp, 8) / 8;
	if (fb.bytes < 2 || fb.bytes > 4 || !red || !green || !blue)
		return false;
	if (s->width > s->pitch / fb.bytes || s->pitch > PITCH_MAX || s->height > PITCH_MAX)
		return false;
	fb.addr = s->addr;
	fb.pitch = s->pitch;
	fb.size = (uint64_t)s->pitch * s->height;
	fb.white = red | green | blue;
	fb.columns = MIN(s->width / GLYPH_WIDTH, COLUMNS_MAX);
	fb.rows = MIN(s->height / GLYPH_HEIGHT, ROWS_MAX);
	return fb.columns && fb.rows && fb.addr && fb.addr < ADDRESS_END && !overlaps_ram(boot);
}

/* All of it black: only what changes is drawn later. */
static void clear(void)
{
	memset((uint8_t *)fb.pixels, 0, fb.size);
}

void framebuffer_init(const struct boot_info *boot)
{
	memset(&fb, 0, sizeof(fb));
	if (!boot->screen.width || console_has_port() || !take(boot)) {
		fb.addr = 0;
		return;
	}
	memset(text, ' ', sizeof(text));
	if (fb.addr + fb.size <= GIB(4)) {
		fb.pixels = (volatile uint8_t *)fb.addr; /* mapped at its own address */
		clear();
	}
	console_use_screen(put);
}

void framebuffer_leave(void)
{
	fb.pixels = NULL;
}

void framebuffer_map(void)
{
	hpa_t page = fb.addr & PAGE_MASK;

	if (!fb.addr)
		return;
	fb.pixels = (volatile uint8_t *)mmio_map(page, fb.addr + fb.size - page) + (fb.addr - page);
	clear();
	for (unsigned int row = 0; row < fb.rows; row++)
		for (unsigned int column = 0; column < fb.columns; column++)
			if (text[row][column] != ' ')
				draw(row, column);
	log_info("no serial port: the console is this screen, %u columns and %u rows", fb.columns,
		 fb.rows);
}
