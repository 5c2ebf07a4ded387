/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hv/debug/log.c: what is printed, what the ring keeps, how the machine ends. */
#include "debug/log.h"

#include <cmocka.h>

#include "debug/dump.h"
#include "debug/end.h"
#include "debug/monitor.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "uart.h"

extern const struct monitor_command __monitor_start[], __monitor_end[];

uint64_t tsc_khz;
static uint64_t now;
static jmp_buf ended;
static int end_code;
static unsigned int stack_dumps;
static bool dump_fails; /* the dump has a bug of its own */

static char shown[200000]; /* what the log command printed */
static size_t shown_len;

uint64_t tsc_now(void)
{
	return now;
}

void machine_end(uint8_t code)
{
	end_code = code;
	longjmp(ended, 1);
}

void machine_panic(void)
{
	end_code = END_FATAL;
	longjmp(ended, 1);
}

void dump_stack(uint64_t rbp)
{
	assert_int_not_equal(rbp, 0);
	stack_dumps++;
	if (dump_fails)
		BUG("in the dump");
}

void mon(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	shown_len += vsnprintf(shown + shown_len, sizeof(shown) - shown_len, fmt, ap);
	va_end(ap);
	shown[shown_len++] = '\n';
	shown[shown_len] = 0;
}

static const char *log_command(void)
{
	assert_ptr_equal(__monitor_end, __monitor_start + 1);
	assert_string_equal(__monitor_start->name, "log");
	shown_len = shown[0] = 0;
	assert_int_equal(__monitor_start->run(1, (char *[]){ "log" }), 0);
	return shown;
}

static void prints_tagged_lines(void **state)
{
	(void)state;
	uart_reset();
	log_info("n is %d", 7);
	log_warn("%s", "careful");
	assert_string_equal(uart_sent(), "hv| n is 7\r\nhv| warning: careful\r\n");
	assert_string_equal(log_command(), "n is 7\nwarning: careful\n");
}

static void cuts_a_line_at_400(void **state)
{
	char text[600];

	(void)state;
	uart_reset();
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	log_warn("%s", text);
	assert_int_equal(strlen(uart_sent()), 399 + 2 * strlen("hv| \r\n"));
	assert_int_equal(strlen(strstr(log_command(), "warning: xxx")), 400);
}

static void times_stages_once_the_clock_is_known(void **state)
{
	(void)state;
	uart_reset();
	now = 1000;
	log_stage("first %d", 1);
	now = 5000;
	log_stage("second");
	assert_string_equal(uart_sent(), "hv| [ ok ] first 1\r\nhv| [ ok ] second\r\n");
	tsc_khz = 1000;
	now = 5000 + 41999;
	log_stage("third");
	now += 1000;
	log_stage("fourth");
	assert_string_equal(uart_sent(),
			    "hv| [ ok ] third (41 ms)\r\nhv| [ ok ] fourth (1 ms)\r\n");
}

static void a_newline_inside_cannot_split_the_ring(void **state)
{
	(void)state;
	log_info("a\nb");
	assert_non_null(strstr(log_command(), "\na.b\n"));
}

static void the_ring_keeps_the_last_64_kib_in_whole_lines(void **state)
{
	char want[32];
	const char *s, *next;
	unsigned int first, n;

	(void)state;
	uart_reset();
	for (unsigned int i = 0; i < 5000; i++)
		log_info("line %05u of many, as long as that", i);
	s = log_command();
	assert_int_equal(host_strncmp(s, "line ", 5), 0); /* no rest of a line */
	assert_in_range(shown_len, 65536 - 400, 65536);
	first = atoi(s + 5);
	for (n = first; *s; s = next + 1, n++) {
		next = strchr(s, '\n');
		snprintf(want, sizeof(want), "line %05u of", n);
		assert_int_equal(host_strncmp(s, want, strlen(want)), 0);
	}
	assert_int_equal(n, 5000);
}

static void a_boot_error_ends_the_machine(void **state)
{
	(void)state;
	uart_reset();
	end_code = 0;
	if (!setjmp(ended)) {
		boot_fail("mem=%s is too little", "1K");
		fail();
	}
	assert_int_equal(end_code, 0x11);
	assert_string_equal(uart_sent(), "hv| [FAIL] mem=1K is too little\r\n");
	assert_int_equal(stack_dumps, 0);
}

static void bug_dumps_and_ends(void **state)
{
	const char *sent;

	(void)state;
	uart_reset();
	end_code = 0;
	dump_fails = true;
	if (!setjmp(ended)) {
		BUG_ON(end_code == 0);
		fail();
	}
	sent = uart_sent();
	assert_int_equal(end_code, 0x11);
	assert_int_equal(host_strncmp(sent, "hv| FATAL ", 10), 0);
	assert_non_null(strstr(sent, "log_test.c:"));
	assert_non_null(strstr(sent, ": end_code == 0\r\n"));
	/* The bug of the dump is told too, and not dumped again. */
	assert_non_null(strstr(sent, ": in the dump\r\n"));
	assert_int_equal(stack_dumps, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_tagged_lines),
		cmocka_unit_test(cuts_a_line_at_400),
		cmocka_unit_test(times_stages_once_the_clock_is_known),
		cmocka_unit_test(a_newline_inside_cannot_split_the_ring),
		cmocka_unit_test(the_ring_keeps_the_last_64_kib_in_whole_lines),
		cmocka_unit_test(a_boot_error_ends_the_machine),
		cmocka_unit_test(bug_dumps_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
