/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line parser: every word, every range, and that nothing is read beyond the text. */
#include "apps/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct words w;

static void good(const char *line)
{
	if (!words_parse(&w, line))
		fail_msg("\"%s\": %s", line, w.error);
}

static void bad(const char *line, const char *error)
{
	assert_false(words_parse(&w, line));
	assert_string_equal(w.error, error);
}

static void test_empty(void **state)
{
	(void)state;
	good("");
	good(" \t \r\n");
	assert_int_equal(w.count, 0);
	assert_int_equal(w.settings.ip, 0);
}

static void test_settings(void **state)
{
	(void)state;
	good("ip=10.88.0.11/24  gw=10.88.0.1 tsc_early_khz=2095870 exit");
	assert_memory_equal(&w.settings.ip, ((uint8_t[]){ 10, 88, 0, 11 }), 4);
	assert_memory_equal(&w.settings.gw, ((uint8_t[]){ 10, 88, 0, 1 }), 4);
	assert_int_equal(w.settings.prefix, 24);
	assert_int_equal(w.settings.tsc_khz, 2095870);
	assert_true(w.settings.exit_when_done);
	assert_false(w.settings.dhcp);
	good("ip=dhcp");
	assert_true(w.settings.dhcp);
}

static void test_applications_and_options(void **state)
{
	(void)state;
	good("echo iperf-client=10.88.0.1 udp bw=20m time=5 len=1000 "
	     "flood=52:54:00:88:00:Fe count=3k");
	assert_int_equal(w.count, 3);
	assert_int_equal(w.request[0].app, APP_ECHO);
	assert_int_equal(request_option(&w.request[0], OPTION_PORT, 7), 7);
	assert_int_equal(w.request[1].app, APP_IPERF_CLIENT);
	assert_memory_equal(&w.request[1].addr, ((uint8_t[]){ 10, 88, 0, 1 }), 4);
	assert_true(w.request[1].given & 1u << OPTION_UDP);
	assert_int_equal(w.request[1].option[OPTION_BW], 20000000);
	assert_int_equal(w.request[1].option[OPTION_TIME], 5);
	assert_int_equal(w.request[1].option[OPTION_LEN], 1000);
	assert_memory_equal(w.request[2].mac, ((uint8_t[]){ 0x52, 0x54, 0, 0x88, 0, 0xfe }), 6);
	assert_int_equal(w.request[2].option[OPTION_COUNT_OF], 3000);
}

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} cases[] = {
		{ "1", 1 },        { "4K", 4096 },       { "4k", 4096 },
		{ "3M", 3 << 20 }, { "2G", 2ull << 30 }, { "1024G", 1ull << 40 },
	};
	char line[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(line, sizeof(line), "verify-client=1.2.3.4 bytes=%s", cases[i].text);
		good(line);
		assert_int_equal(w.request[0].option[OPTION_BYTES], cases[i].value);
	}
}

static void test_every_application_word_parses(void **state)
{
	char line[64];

	(void)state;
	for (enum app a = 0; a < APP_COUNT; a++) {
		const char *value = "";

		if (a == APP_FLOOD)
			value = "=00:11:22:33:44:55";
		else if (a == APP_IPERF_CLIENT || a == APP_VERIFY_CLIENT || a == APP_PING)
			value = "=10.0.0.1";
		snprintf(line, sizeof(line), "%s%s", app_word(a), value);
		good(line);
		assert_int_equal(w.request[0].app, a);
		assert_ptr_equal(strstr(app_help(a), app_word(a)), app_help(a));
	}
}

static void test_unknown(void **state)
{
	(void)state;
	bad("echo bogus http", "unknown word 'bogus'");
	bad("ECHO", "unknown word 'ECHO'");
	bad("=", "unknown word '='");
	bad("echo2", "unknown word 'echo2'");
}

static void test_bad_values(void **state)
{
	static const char *const words[] = {
		"ip=10.0.0.1",
		"ip=10.0.0.1/",
		"ip=10.0.0.1/0",
		"ip=10.0.0.1/33",
		"ip=0.0.0.0/8",
		"ip=10.0.0/8",
		"ip=1.2.3.4.5/8",
		"ip=",
		"ip",
		"gw=1.2.3",
		"gw=1.2.3.4x",
		"tsc_early_khz=",
		"tsc_early_khz=999",
		"tsc_early_khz=5x",
		"exit=1",
		"echo=1",
		"ping",
		"ping=",
		"ping=1.2.3.256",
		"flood=00:11:22:33:44",
		"flood=00:11:22:33:44:5g",
		"flood=00:11:22:33:44:55:66",
		"flood=0:11:22:33:44:55",
	};
	char error[WORDS_ERROR_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(error, sizeof(error), "bad or misplaced word '%s'", words[i]);
		bad(words[i], error);
	}
}

static void test_bad_options(void **state)
{
	static const struct {
		const char *line, *word;
	} cases[] = {
		{ "udp", "udp" },
		{ "ip=10.0.0.1/8 time=5", "time=5" },
		{ "echo time=5", "time=5" },
		{ "iperf-client=1.1.1.1 time=5 bytes=1", "bytes=1" },
		{ "iperf-client=1.1.1.1 bytes=1 time=5", "time=5" },
		{ "iperf-client=1.1.1.1 time=5 time=6", "time=6" },
		{ "iperf-client=1.1.1.1 udp=1", "udp=1" },
		{ "iperf-client=1.1.1.1 time=0", "time=0" },
		{ "iperf-client=1.1.1.1 time=86401", "time=86401" },
		{ "iperf-client=1.1.1.1 time=5k", "time=5k" },
		{ "iperf-client=1.1.1.1 time=-1", "time=-1" },
		{ "iperf-client=1.1.1.1 bytes=", "bytes=" },
		{ "iperf-client=1.1.1.1 bytes=0", "bytes=0" },
		{ "iperf-client=1.1.1.1 bytes=1025G", "bytes=1025G" },
		{ "iperf-client=1.1.1.1 bytes=1kk", "bytes=1kk" },
		{ "iperf-client=1.1.1.1 bytes=9999999999999999999", "bytes=9999999999999999999" },
		{ "iperf-client=1.1.1.1 bytes=1099511627777", "bytes=1099511627777" },
		{ "iperf-client=1.1.1.1 bytes=1099511627776G", "bytes=1099511627776G" },
		{ "iperf-client=1.1.1.1 len=15", "len=15" },
		{ "iperf-client=1.1.1.1 len=1515", "len=1515" },
		{ "echo port=0", "port=0" },
		{ "echo port=65536", "port=65536" },
		{ "flood=00:11:22:33:44:55 count=4294967296", "count=4294967296" },
		{ "ip=dhcp ip=10.0.0.1/8", "ip=10.0.0.1/8" },
	};
	char error[WORDS_ERROR_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(error, sizeof(error), "bad or misplaced word '%s'", cases[i].word);
		bad(cases[i].line, error);
	}
}

static void test_too_many_applications(void **state)
{
	char line[256] = "";

	(void)state;
	for (int i = 0; i < WORDS_MAX_REQUESTS; i++)
		strcat(line, "stats ");
	good(line);
	strcat(line, "sink");
	bad(line, "bad or misplaced word 'sink'");
}

static void test_long_words(void **state)
{
	char line[1024];

	(void)state;
	memset(line, 'a', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	assert_false(words_parse(&w, line));
	assert_memory_equal(w.error, "word too long 'aaaa", 19);
	assert_true(strlen(w.error) < WORDS_ERROR_BYTES);
}

/* Random bytes, half of them from the alphabet of real words: no crash, no sanitizer report. */
static void test_noise(void **state)
{
	static const char alphabet[] = "echoipgwflood=:./-0123456789kmG \tudp";
	char *line = malloc(200);

	(void)state;
	srand(1);
	for (int round = 0; round < 200000; round++) {
		size_t n = (size_t)rand() % 199;

		for (size_t i = 0; i < n; i++)
			line[i] = rand() % 16 ? alphabet[rand() % (sizeof(alphabet) - 1)]
					      : (char)(1 + rand() % 255);
		line[n] = '\0';
		if (!words_parse(&w, line))
			assert_in_range(strlen(w.error), 1, WORDS_ERROR_BYTES - 1);
	}
	free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_applications_and_options),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_every_application_word_parses),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_too_many_applications),
		cmocka_unit_test(test_long_words),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
