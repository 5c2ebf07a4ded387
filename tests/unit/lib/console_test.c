/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hv/debug/console.c: lines of several sources never mix, input goes to one, no UART hangs it. */
#include "debug/console.h"

#include <cmocka.h>

#include "lib/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "uart.h"

static char got[64]; /* what sources were given: name's first letter and byte */
static unsigned int got_len;

static void take(struct console_source *src, uint8_t byte)
{
	got[got_len++] = src->name[0];
	got[got_len++] = byte;
	got[got_len] = 0;
}

/* Sources stay for ever, so all tests share them: the monitor, two VMs, and one without input. */
static struct console_source mon = { .name = "mon", .input = take };
static struct console_source dvm = { .name = "dvm", .input = take };
static struct console_source g1 = { .name = "g1", .input = take };
static struct console_source hv = { .name = "hv" };

static int once(void **state)
{
	(void)state;
	console_register(&hv, false);
	console_register(&mon, true);
	console_register(&dvm, true);
	console_register(&g1, true);
	return 0;
}

/* Each test starts with empty lines and the focus on the monitor. */
static int reset(void **state)
{
	(void)state;
	uart_reset();
	console_write(&mon, "\n");
	console_write(&dvm, "\n");
	console_write(&g1, "\n");
	console_write(&hv, "\n");
	console_focus("mon");
	uart_reset();
	got_len = got[0] = 0;
	return 0;
}

static void type(const char *bytes)
{
	uart.in = bytes;
	console_poll();
	assert_string_equal(uart.in, "");
}

static void programs_the_port(void **state)
{
	(void)state;
	console_init();
	assert_int_equal(uart.divisor, 1); /* 115200 */
	assert_int_equal(uart.lcr, 3);     /* 8n1, DLAB off */
	assert_int_equal(uart.fcr & 1, 1);
	assert_int_equal(uart.ier, 0);
	assert_int_equal(uart.out_len, 0);
}

static void prints_whole_lines_with_their_tags(void **state)
{
	(void)state;
	console_write(&dvm, "one ");
	console_write(&g1, "other");
	assert_string_equal(uart_sent(), "");
	console_write(&dvm, "line\n");
	console_write(&hv, "log\r\n");
	console_write(&g1, "\n");
	console_write(&g1, "\n");
	assert_string_equal(uart_sent(), "dvm| one line\r\nhv| log\r\ng1| other\r\ng1| \r\n");
}

static void shows_the_focused_line_at_once(void **state)
{
	(void)state;
	console_write(&mon, "> ");
	assert_string_equal(uart_sent(), "mon| > ");
	console_write(&mon, "x");
	assert_string_equal(uart_sent(), "x");
	console_write(&dvm, "hello\n");
	assert_string_equal(uart_sent(), "\r\ndvm| hello\r\n");
	console_write(&mon, "y");
	assert_string_equal(uart_sent(), "mon| > xy");
	console_write(&mon, "\n");
	assert_string_equal(uart_sent(), "\r\n");
}

static void an_interrupted_line_ends_whole(void **state)
{
	(void)state;
	console_write(&mon, "abc");
	console_write(&dvm, "hello\n");
	uart_sent();
	console_write(&mon, "\n");
	assert_string_equal(uart_sent(), "mon| abc\r\n");
}

static void loses_nothing_when_the_focus_moves(void **state)
{
	(void)state;
	console_write(&mon, "abc");
	console_focus("dvm"); /* no line of its own: the screen stays */
	console_write(&mon, "def");
	assert_string_equal(uart_sent(), "mon| abc");
	console_write(&mon, "\n");
	assert_string_equal(uart_sent(), "def\r\n");
	console_write(&g1, "login: ");
	console_focus("g1");
	assert_string_equal(uart_sent(), "g1| login: ");
	console_focus("g1");
	assert_string_equal(uart_sent(), "");
	console_write(&g1, "me\n");
	assert_string_equal(uart_sent(), "me\r\n");
}

static void cuts_long_lines_into_pieces(void **state)
{
	const char *sent;

	(void)state;
	for (unsigned int i = 0; i < 600; i++)
		console_put(&dvm, 'a' + i % 26);
	console_put(&dvm, '\n');
	sent = uart_sent();
	assert_int_equal(host_strncmp(sent, "dvm| abc", 8), 0);
	assert_int_equal(strlen(sent), 600 + 3 * strlen("dvm| \r\n"));
	assert_int_equal(host_strncmp(sent + 5 + 256, "\r\ndvm| wxyz", 11), 0);
	for (unsigned int i = 0; i < 256; i++) /* exactly full: no empty piece */
		console_put(&dvm, 'x');
	console_put(&dvm, '\n');
	assert_int_equal(strlen(uart_sent()), 256 + strlen("dvm| \r\n"));
}

static void no_byte_forges_a_line(void **state)
{
	(void)state;
	console_write(&dvm, "a\rhv| b\x0b\x0c\x1c\x01\t\x1b[1m\xc3\xa9\x7f\n");
	assert_string_equal(uart_sent(), "dvm| ahv| b....\t.[1m\xc3\xa9\x7f\r\n");
}

/* C1 control codes: 0x9b is what ESC [ is. */
static void only_characters_pass_above_ascii(void **state)
{
	(void)state;
	console_write(&dvm, "\x9b"
			    "2J \x80\x9f\xa0\xff \xc2\x9b"
			    "2J\n");
	assert_string_equal(uart_sent(), "dvm| .2J .... ..2J\r\n");
	console_write(&dvm, "\xc3\xa9 \xe2\x9b\x88 \xf0\x9f\x98\x80\n");
	assert_string_equal(uart_sent(), "dvm| \xc3\xa9 \xe2\x9b\x88 \xf0\x9f\x98\x80\r\n");
	console_write(&dvm, "\xe2\x9b"
			    "a\xe2\x9b\xc3\xa9\xf0\x9f\x98\x1b\xe2\x9b\n"); /* broken off */
	assert_string_equal(uart_sent(), "dvm| ..a..\xc3\xa9......\r\n");
	console_write(&mon, "a\xe2\x9b"); /* the focused line: what waits is not shown */
	assert_string_equal(uart_sent(), "mon| a");
	console_write(&mon, "\x88");
	assert_string_equal(uart_sent(), "\xe2\x9b\x88");
	console_write(&mon, "\xc3\b\b\b"); /* a dot, a character of three bytes, the letter */
	assert_string_equal(uart_sent(), ".\b \b\b \b\b \b");
	console_write(&mon, "\n");
	uart_sent();
	for (unsigned int i = 0; i < 255; i++)
		console_put(&dvm, 'x');
	console_write(&dvm, "\xc3\xa9\n"); /* is not cut in two */
	assert_string_equal(uart_sent() + 5 + 255, "\r\ndvm| \xc3\xa9\r\n");
}

static void backspace_takes_the_last_byte(void **state)
{
	(void)state;
	console_write(&mon, "\bab\b");
	assert_string_equal(uart_sent(), "mon| ab\b \b");
	console_write(&mon, "c\n");
	assert_string_equal(uart_sent(), "c\r\n");
	console_write(&dvm, "ab\b\b\b\bxy\bz\n");
	assert_string_equal(uart_sent(), "dvm| xz\r\n");
	console_write(&mon,
		      "abc"); /* shown, out of focus, interrupted: the screen is not touched */
	console_focus("dvm");
	console_write(&mon, "d\b\b");
	assert_string_equal(uart_sent(), "mon| abc\b \b");
	console_write(&hv, "x\n");
	console_write(&mon, "\b\n");
	assert_string_equal(uart_sent(), "\r\nhv| x\r\nmon| a\r\n");
}

static void input_goes_where_it_was_sent(void **state)
{
	(void)state;
	type("a\x01"
	     "1b\x01"
	     "2c\x01\x01\x01"
	     "0d");
	assert_string_equal(got, "madbgcg\x01md");
}

static void unknown_digits_select_nothing(void **state)
{
	(void)state;
	type("\x01"
	     "1\x01"
	     "9\x01"
	     "xa\x01/b\x01:c");
	assert_string_equal(got, "dadbdc");
	assert_int_equal(console_focus("g1"), 0);
	assert_int_equal(console_focus("nobody"), -ENOENT);
	assert_int_equal(console_focus("hv"), -ENOENT); /* takes no input */
	type("z");
	assert_string_equal(got, "dadbdcgz");
}

static void the_prefix_waits_for_its_digit(void **state)
{
	(void)state;
	type("\x01");
	type("2");
	type("q");
	assert_string_equal(got, "gq");
}

static void a_missing_port_gives_no_input(void **state)
{
	(void)state;
	uart.absent = true;
	uart.in = "x";
	console_poll();
	console_write(&dvm, "text\n");
	assert_string_equal(got, "");
}

static void a_stuck_port_delays_but_never_hangs(void **state)
{
	uint64_t first;

	(void)state;
	uart.stuck = true;
	console_write(&dvm, "x\n");
	first = uart.lsr_reads;
	for (int i = 0; i < 1000; i++)
		console_write(&dvm, "a line of text\n");
	console_drain();
	assert_in_range(first, 1000, 200000);
	assert_in_range(uart.lsr_reads - first, 1, 1000000);
	uart.stuck = false; /* and when it answers again, it is waited for again */
	console_write(&dvm, "y\n");
	uart.stuck = true;
	uart.lsr_reads = 0;
	console_drain();
	assert_int_equal(uart.lsr_reads, 100000);
	uart.stuck = false;
	console_drain();
}

static void more_sources_than_digits_go_by_letter_and_name(void **state)
{
	static struct console_source more[25];
	static const char letters[] = "abcdefghijklmnopqrstuvwxy";

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(more); i++) {
		snprintf(more[i].name, sizeof(more[i].name), "%cvm", letters[i]);
		more[i].input = take;
		console_register(&more[i], true);
	}
	type("\x01"
	     "9x"); /* three before them: the seventh */
	assert_string_equal(got, "gx");
	type("\x01"
	     ":"); /* not a digit, though there is an eleventh source */
	type("x");
	assert_string_equal(got, "gxgx");
	type("\x01"
	     "az\x01"
	     "oz\x01"
	     "pz"); /* the eleventh, the last, and none */
	assert_string_equal(got, "gxgxhzvzvz");
	assert_int_equal(console_focus("gvm"), 0);
	type("y");
	assert_string_equal(got, "gxgxhzvzvzgy");
	assert_int_equal(console_focus("wvm"), -ENOENT); /* CONSOLE_SOURCES is the end */
}

static char drawn[64];

static void draw(char c)
{
	size_t n = strlen(drawn);

	drawn[n] = c;
	drawn[n + 1] = 0;
}

/* The last test: there is no way back to the port. */
static void a_screen_takes_the_place_of_no_port(void **state)
{
	(void)state;
	assert_true(console_has_port());
	console_use_screen(draw);
	console_write(&hv, "to the port\n");
	assert_string_equal(uart_sent(), "hv| to the port\r\n");
	uart.absent = true;
	assert_false(console_has_port());
	console_use_screen(draw);
	console_write(&hv, "to the screen\n");
	console_poll();
	assert_string_equal(uart_sent(), "");
	assert_string_equal(drawn, "hv| to the screen\r\n");
}

#define TEST(f) cmocka_unit_test_setup(f, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(programs_the_port),
		TEST(prints_whole_lines_with_their_tags),
		TEST(shows_the_focused_line_at_once),
		TEST(an_interrupted_line_ends_whole),
		TEST(loses_nothing_when_the_focus_moves),
		TEST(cuts_long_lines_into_pieces),
		TEST(no_byte_forges_a_line),
		TEST(only_characters_pass_above_ascii),
		TEST(backspace_takes_the_last_byte),
		TEST(input_goes_where_it_was_sent),
		TEST(unknown_digits_select_nothing),
		TEST(the_prefix_waits_for_its_digit),
		TEST(a_missing_port_gives_no_input),
		TEST(a_stuck_port_delays_but_never_hangs),
		TEST(more_sources_than_digits_go_by_letter_and_name),
		TEST(a_screen_takes_the_place_of_no_port),
	};

	return cmocka_run_group_tests(tests, once, NULL);
}
