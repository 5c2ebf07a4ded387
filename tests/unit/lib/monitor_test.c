/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hv/debug/monitor.c: editing a line, splitting it into words, the built-in commands. */
#include "debug/monitor.h"

#include <cmocka.h>

#include "debug/console.h"
#include "debug/dump.h"
#include "debug/end.h"
#include "debug/stats.h"
#include "lib/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "uart.h"
#include "vm/vm.h"

static struct console_source guest = { .name = "g1" };
static struct vm started = { .name = "g1", .vcpu.vendor = &started }, unstarted = { .name = "g2" };
static jmp_buf ended;
static int end_code, answer, last_argc;
static char last_args[300]; /* the words of the last run of `words`, each in brackets */
static unsigned int stats_dumps;
static const struct vcpu *dumped, *regs_dumped;
static const struct vm *killed;

void machine_end(uint8_t code)
{
	end_code = code;
	longjmp(ended, 1);
}

void stats_dump(void)
{
	stats_dumps++;
}

void dump_vcpu(const struct vcpu *vcpu, const char *why)
{
	(void)why;
	dumped = vcpu;
}

void dump_vcpu_regs(const struct vcpu *vcpu)
{
	regs_dumped = vcpu;
}

void vm_kill(struct vm *vm, const char *fmt, ...)
{
	(void)fmt;
	killed = vm;
}

struct vm *vm_find(const char *name)
{
	if (strcmp(name, "g1") == 0)
		return &started;
	return strcmp(name, "g2") == 0 ? &unstarted : NULL;
}

static int words(int argc, char **argv)
{
	size_t n = 0;

	last_argc = argc;
	for (int i = 0; i < argc; i++)
		n += snprintf(last_args + n, sizeof(last_args) - n, "[%s]", argv[i]);
	if (answer)
		mon("why not");
	return answer;
}
MONITOR("words", "prints its words", words);

static int once(void **state)
{
	(void)state;
	monitor_init();
	console_register(&guest, true);
	return 0;
}

static int reset(void **state)
{
	(void)state;
	console_focus("mon");
	uart_reset();
	uart.in = "\x15"; /* Ctrl-U: nothing is left of the last test's line */
	console_poll();
	uart_reset();
	answer = last_argc = last_args[0] = end_code = stats_dumps = 0;
	dumped = regs_dumped = NULL;
	killed = NULL;
	return 0;
}

static const char *type(const char *bytes)
{
	uart.in = bytes;
	while (*uart.in)
		console_poll();
	return uart_sent();
}

static void a_line_is_a_command(void **state)
{
	(void)state;
	assert_string_equal(type("words a bc\r"), "mon| words a bc\r\nmon| ok\r\n");
	assert_string_equal(last_args, "[words][a][bc]");
	assert_string_equal(type("words x\n"), "mon| words x\r\nmon| ok\r\n");
	assert_string_equal(last_args, "[words][x]");
}

static void an_empty_line_is_none(void **state)
{
	(void)state;
	assert_string_equal(type("\r\n\n"), "");
	assert_string_equal(type("words\r\n"), "mon| words\r\nmon| ok\r\n"); /* CR LF: once */
	assert_string_equal(type("   \r"), "mon|    \r\n");
}

static void blanks_separate_words(void **state)
{
	(void)state;
	type("  words   one  two \r");
	assert_string_equal(last_args, "[words][one][two]");
	assert_int_equal(last_argc, 3);
}

static void erases_characters_and_lines(void **state)
{
	(void)state;
	assert_string_equal(type("wordx\b"), "mon| wordx\b \b");
	assert_string_equal(type("s a\x7f"
				 "b\r"),
			    "s a\b \bb\r\nmon| ok\r\n");
	assert_string_equal(last_args, "[words][b]");
	assert_string_equal(type("no\x15words\r"), "mon| no\b \b\b \bwords\r\nmon| ok\r\n");
	assert_string_equal(last_args, "[words]");
	assert_string_equal(type("\b\b\x7f\x15words z\r"), "mon| words z\r\nmon| ok\r\n");
	assert_string_equal(last_args, "[words][z]");
}

static void control_bytes_are_not_taken(void **state)
{
	(void)state;
	type("wo\x02rds\x1b\t q\r");
	assert_string_equal(last_args, "[words][q]");
}

static void words_have_a_limit(void **state)
{
	char line[16 + 2 * MONITOR_MAX_ARGS] = "words", error[64];

	(void)state;
	for (unsigned int i = 1; i < MONITOR_MAX_ARGS; i++)
		strcat(line, " w");
	type(line);
	type("\r");
	assert_int_equal(last_argc, MONITOR_MAX_ARGS);
	last_argc = 0;
	strcat(line, " w\r");
	snprintf(error, sizeof(error), "mon| error: more than %d words\r\n", MONITOR_MAX_ARGS);
	assert_non_null(strstr(type(line), error));
	assert_int_equal(last_argc, 0);
}

static void a_long_line_is_cut_and_not_overrun(void **state)
{
	(void)state;
	type("words ");
	for (int i = 0; i < 1000; i++)
		type("x");
	type("\r");
	assert_int_equal(last_argc, 2);
	assert_int_equal(strlen(last_args), 199 - 1 + 4); /* one blank becomes four brackets */
}

static void errors_are_told_in_words(void **state)
{
	(void)state;
	assert_string_equal(type("nope\r"),
			    "mon| nope\r\nmon| error: unknown command 'nope' (try help)\r\n");
	assert_non_null(strstr(type("word\r"), "error: unknown command 'word'"));
	answer = -EINVAL;
	assert_string_equal(type("words\r"),
			    "mon| words\r\nmon| why not\r\nmon| error: bad argument\r\n");
	answer = -9999;
	assert_non_null(strstr(type("words\r"), "mon| error: -9999\r\n"));
}

static void help_names_every_command(void **state)
{
	static const char *const names[] = { "help", "stats", "focus", "regs",
					     "dump", "kill",  "quit",  "words" };
	char line[32];
	const char *sent = type("help\r");

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(line, sizeof(line), "mon| %-10s ", names[i]);
		assert_non_null(strstr(sent, line));
	}
	assert_string_equal(sent + strlen(sent) - 9, "mon| ok\r\n");
}

static void focus_moves_the_input(void **state)
{
	(void)state;
	assert_non_null(strstr(type("focus nobody\r"), "mon| error: bad argument\r\n"));
	assert_non_null(strstr(type("focus\r"), "mon| usage: focus NAME"));
	assert_non_null(strstr(type("focus g1\r"), "mon| ok\r\n"));
	type("words lost\r"); /* the guest takes no input */
	assert_string_equal(last_args, "");
	type("\x01"
	     "0words here\r");
	assert_string_equal(last_args, "[words][here]");
}

static void dumps_only_what_was_started(void **state)
{
	(void)state;
	type("dump g1\r");
	assert_ptr_equal(dumped, &started.vcpu);
	assert_null(regs_dumped);
	type("regs g1\r");
	assert_ptr_equal(regs_dumped, &started.vcpu);
	dumped = regs_dumped = NULL;
	assert_non_null(strstr(type("dump g2\r"), "mon| usage: dump NAME"));
	assert_non_null(strstr(type("regs g2\r"), "mon| usage: regs NAME"));
	type("dump nobody\rdump\rregs g1 g1\r");
	assert_null(dumped);
	assert_null(regs_dumped);
}

static void kills_by_name(void **state)
{
	(void)state;
	assert_non_null(strstr(type("kill nobody\r"), "error: "));
	assert_null(killed);
	type("kill g2\r");
	assert_ptr_equal(killed, &unstarted);
}

static void stats_and_quit(void **state)
{
	(void)state;
	type("stats\r");
	assert_int_equal(stats_dumps, 1);
	type("stats json\r");
	assert_int_equal(stats_dumps, 2);
	if (!setjmp(ended)) {
		type("quit\r");
		fail();
	}
	assert_int_equal(end_code, 0x10);
	assert_int_equal(stats_dumps, 3);
}

#define TEST(f) cmocka_unit_test_setup(f, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_is_a_command),
		TEST(an_empty_line_is_none),
		TEST(blanks_separate_words),
		TEST(erases_characters_and_lines),
		TEST(control_bytes_are_not_taken),
		TEST(words_have_a_limit),
		TEST(a_long_line_is_cut_and_not_overrun),
		TEST(errors_are_told_in_words),
		TEST(help_names_every_command),
		TEST(focus_moves_the_input),
		TEST(dumps_only_what_was_started),
		TEST(kills_by_name),
		TEST(stats_and_quit),
	};

	return cmocka_run_group_tests(tests, once, NULL);
}
