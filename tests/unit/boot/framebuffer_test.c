/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hv/debug/framebuffer.c: what is written appears as the font's glyphs; a screen that cannot be is
 * not used.
 */
#include "machine.h"

#include "debug/console.h"
#include "debug/framebuffer.h"
#include "mem/paging.h"

#include "font.h"

#define SCREEN  (MIB(64) + 0x40) /* need not begin a page */
#define WIDTH   164              /* 20 columns and a half */
#define HEIGHT  136              /* 8 rows and a half */
#define COLUMNS 20
#define ROWS    8

static struct boot_info boot;
static void (*put)(char c);
static bool port;

bool console_has_port(void)
{
	return port;
}

void console_use_screen(void (*fn)(char c))
{
	put = fn;
}

void *mmio_map(hpa_t hpa, uint64_t len)
{
	assert_int_equal(hpa & ~PAGE_MASK, 0);
	assert_true(hpa <= SCREEN && hpa + len >= SCREEN + (uint64_t)boot.screen.pitch * HEIGHT);
	return (void *)hpa;
}

static void screen(uint8_t bpp)
{
	boot = (struct boot_info){ .screen = { .addr = SCREEN,
					       .width = WIDTH,
					       .height = HEIGHT,
					       .bpp = bpp,
					       .pitch = WIDTH * 4 + 12 } };
	boot.screen.red.size = boot.screen.green.size = boot.screen.blue.size = bpp / 3;
	boot.screen.green.pos = bpp / 3;
	boot.screen.blue.pos = bpp / 3 * 2;
	boot.range[boot.ranges++] = (struct boot_range){ 0, MIB(64), RANGE_RAM };
}

static int begin(void **state)
{
	(void)state;
	memset(memory_at(MIB(64), MIB(1)), 0xee, MIB(1));
	put = NULL;
	port = false;
	screen(32);
	return 0;
}

static void write_text(const char *s)
{
	while (*s)
		put(*s++);
}

/* The pixel is lit; its bytes beside the screen's colours are not looked at. */
static bool lit(unsigned int x, unsigned int y)
{
	unsigned int bytes = (boot.screen.bpp + 7) / 8;
	const uint8_t *p = (uint8_t *)SCREEN + y * boot.screen.pitch + x * bytes;
	bool is = p[0] || p[1];

	for (unsigned int i = 0; i < bytes; i++)
		assert_true(is ? p[i] : !p[i]);
	return is;
}

static void assert_row(unsigned int row, const char *text)
{
	for (unsigned int column = 0; column < COLUMNS; column++) {
		char c = column < strlen(text) ? text[column] : ' ';

		for (unsigned int y = 0; y < 16; y++)
			for (unsigned int x = 0; x < 8; x++)
				if (lit(column * 8 + x, row * 16 + y) !=
				    !!(font[c - FONT_FIRST][y] & 0x80 >> x))
					fail_msg("row %u column %u is not '%c'", row, column, c);
	}
}

static void text_is_drawn(void **state)
{
	const uint8_t depths[] = { 16, 24, 32 };

	for (unsigned int i = 0; i < ARRAY_SIZE(depths); i++) {
		begin(state);
		screen(depths[i]);
		framebuffer_init(&boot);
		write_text("hv| [ ok ] g~\r\n  second\r\n");
		assert_row(0, "hv| [ ok ] g~");
		assert_row(1, "  second");
		assert_row(2, "");
	}
}

/* A character of several bytes is one column, and what the font lacks a question mark. */
static void characters(void **state)
{
	(void)state;
	framebuffer_init(&boot);
	write_text("a\tb\xc3\xa4"
		   "c\xe2\x82\xac\b \bx\b\b\b\b\b\b\b\b\b\b\b\bA\n");
	assert_row(0, "A b?cx");
	write_text("12345678901234567890abc");
	assert_row(1, "12345678901234567890");
	assert_row(2, "abc");
	assert_row(ROWS - 1, "");
}

static void scrolls_by_a_quarter(void **state)
{
	char line[8] = "line 0\n";

	(void)state;
	framebuffer_init(&boot);
	for (int i = 0; i < ROWS; i++, line[5]++)
		write_text(line);
	assert_row(0, "line 2");
	assert_row(ROWS - 3, "line 7");
	assert_row(ROWS - 2, "");
	write_text("last");
	assert_row(ROWS - 2, "last");
}

/* What was written while the screen was not mapped is drawn when it is. */
static void keeps_text_while_unmapped(void **state)
{
	(void)state;
	framebuffer_init(&boot);
	write_text("one\n");
	framebuffer_leave();
	memset((void *)SCREEN, 0xee, 64);
	write_text("two\n");
	assert_int_equal(*(uint8_t *)SCREEN, 0xee);
	framebuffer_map();
	assert_row(0, "one");
	assert_row(1, "two");
}

/* Behind the last line nothing is touched, nor in front of the first pixel. */
static void stays_inside(void **state)
{
	uint8_t *end = (uint8_t *)SCREEN + boot.screen.pitch * HEIGHT;

	(void)state;
	framebuffer_init(&boot);
	for (int i = 0; i < 1000; i++)
		write_text("############################");
	for (int i = 0; i < 64; i++)
		assert_true(((uint8_t *)SCREEN)[-1 - i] == 0xee && end[i] == 0xee);
}

static void not_used(void)
{
	put = NULL;
	framebuffer_init(&boot);
	assert_null(put);
	framebuffer_leave();
	framebuffer_map(); /* nothing to map */
	assert_int_equal(*(uint8_t *)SCREEN, 0xee);
	screen(32);
}

static void port_comes_first(void **state)
{
	(void)state;
	port = true;
	not_used();
}

static void wrong_screens_are_refused(void **state)
{
	(void)state;
	boot.screen.width = 0;
	not_used();
	boot.screen.width = 7;
	not_used();
	boot.screen.height = 15;
	not_used();
	boot.screen.pitch = WIDTH * 4 - 1;
	not_used();
	boot.screen.pitch = 0;
	not_used();
	boot.screen.height = ~0U;
	not_used();
	boot.screen.pitch = ~0U;
	not_used();
	boot.screen.bpp = 8;
	not_used();
	boot.screen.bpp = 255;
	not_used();
	boot.screen.red.pos = 25;
	not_used();
	boot.screen.red.pos = 255;
	not_used();
	boot.screen.blue.size = 0;
	not_used();
	boot.screen.addr = 0;
	not_used();
	boot.screen.addr = ~0UL - 0x1000;
	not_used();
}

/* Writing there would change the hypervisor itself. */
static void screen_in_ram_is_refused(void **state)
{
	(void)state;
	boot.range[0].size = SCREEN + 1;
	not_used();
	boot.range[0] =
		(struct boot_range){ SCREEN + boot.screen.pitch * HEIGHT - 1, 1, RANGE_RAM };
	not_used();
	boot.range[0].start = 0;
	boot.range[0].size = ~0UL;
	not_used();
	boot.range[0].size = ~0UL;
	boot.range[0].type = MB2_RESERVED;
	framebuffer_init(&boot);
	assert_non_null(put);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(text_is_drawn, begin),
		cmocka_unit_test_setup(characters, begin),
		cmocka_unit_test_setup(scrolls_by_a_quarter, begin),
		cmocka_unit_test_setup(keeps_text_while_unmapped, begin),
		cmocka_unit_test_setup(stays_inside, begin),
		cmocka_unit_test_setup(port_comes_first, begin),
		cmocka_unit_test_setup(wrong_screens_are_refused, begin),
		cmocka_unit_test_setup(screen_in_ram_is_refused, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
