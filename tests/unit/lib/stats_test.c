/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hv/debug/stats.c writes JSON: its lines, joined as the launcher does, go to Python's parser. */
#include "debug/stats.h"

#include <cmocka.h>

#include "lib/printf.h"
#include "lib/string.h"
#include "uart.h"

#define LINE_LIMIT 200

static char document[200000]; /* the lines without their tags, joined */

/* Any value: what a counter, a name or a reason may be. */
static void write_values(void)
{
	json_u64("zero", 0);
	json_u64("most", UINT64_MAX);
	json_bool("yes", true);
	json_bool("no", false);
	json_string("plain", "e1000: link up");
	json_string("empty", "");
	json_string("quotes", "a\"b\\c/d");
	json_string("control", "\x01\t\n\x1f");
	json_string("high", "\x7f\xe4\xff");
	json_string("key \"with\" quotes", "x");
}
STATS("values", write_values);

static void write_nothing(void)
{
}
STATS("nothing", write_nothing);

static void write_nested(void)
{
	json_begin_array("rows");
	for (unsigned int i = 0; i < 3; i++) {
		json_begin_object(NULL);
		json_u64("n", i);
		json_begin_array("empty");
		json_end_array();
		json_end_object();
	}
	json_begin_array(NULL);
	json_u64(NULL, 1);
	json_string(NULL, "two");
	json_bool(NULL, true);
	json_end_array();
	json_end_array();
	json_begin_object("object");
	json_end_object();
	json_u64("after", 1);
}
STATS("nested", write_nested);

static char filler[LINE_LIMIT * 2];

/* Strings of every length, so that each kind of token comes to lie at a line's end. */
static void write_lengths(void)
{
	char key[16];

	for (unsigned int n = 0; n < LINE_LIMIT - 2; n++) {
		snprintf(key, sizeof(key), "k%u", n);
		memset(filler, 'a' + n % 26, n);
		filler[n] = 0;
		json_string(key, filler);
	}
}
STATS("lengths", write_lengths);

/* Longer than a line holds, plain and with escapes. */
static void write_too_long(void)
{
	memset(filler, 'x', LINE_LIMIT * 2 - 1);
	filler[LINE_LIMIT * 2 - 1] = 0;
	json_string("plain", filler);
	memset(filler, '\x02', LINE_LIMIT * 2 - 1);
	json_string("escapes", filler);
	json_u64("after", 1);
}
STATS("too_long", write_too_long);

static void join(const char *sent)
{
	size_t n = 0;

	while (*sent) {
		const char *end = strstr(sent, "\r\n");

		assert_non_null(end);
		assert_int_equal(host_strncmp(sent, "json| ", 6), 0);
		sent += 6;
		assert_in_range(end - sent, 1, LINE_LIMIT);
		memcpy(document + n, sent, end - sent);
		n += end - sent;
		sent = end + 2;
	}
	document[n] = 0;
}

/* What Python makes of the document by an expression of `d`. */
static const char *python(const char *expression)
{
	static char answer[4096];
	char command[1024], path[] = "/tmp/stats-test-XXXXXX";
	FILE *f = fdopen(mkstemp(path), "w");
	size_t n;

	assert_non_null(f);
	fputs(document, f);
	fclose(f);
	snprintf(command, sizeof(command),
		 "/usr/bin/python3 -c 'import json; d = json.load(open(\"%s\")); print((%s))'",
		 path, expression);
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(answer, 1, sizeof(answer) - 1, f);
	answer[n] = 0;
	assert_int_equal(pclose(f), 0); /* not JSON, or not what was expected in it */
	remove(path);
	return answer;
}

static void the_document_is_json_with_every_part(void **state)
{
	(void)state;
	uart_reset();
	stats_dump();
	join(uart_sent());
	assert_string_equal(python("sorted(d)"),
			    "['lengths', 'nested', 'nothing', 'too_long', 'values']\n");
	assert_string_equal(python("d[\"nothing\"]"), "{}\n");
}

static void values_come_back_as_they_were(void **state)
{
	(void)state;
	assert_string_equal(python("d[\"values\"][\"zero\"], d[\"values\"][\"most\"]"),
			    "(0, 18446744073709551615)\n");
	assert_string_equal(python("d[\"values\"][\"yes\"], d[\"values\"][\"no\"]"),
			    "(True, False)\n");
	assert_string_equal(python("[ascii(d[\"values\"][k]) for k in (\"plain\", \"empty\")]"),
			    "[\"'e1000: link up'\", \"''\"]\n");
	assert_string_equal(python("d[\"values\"][\"quotes\"] == \"a\\\"b\\\\c/d\""), "True\n");
	assert_string_equal(python("[ord(c) for c in d[\"values\"][\"control\"]]"),
			    "[1, 9, 10, 31]\n");
	assert_string_equal(python("[ord(c) for c in d[\"values\"][\"high\"]]"),
			    "[127, 228, 255]\n");
	assert_string_equal(python("d[\"values\"][\"key \\\"with\\\" quotes\"]"), "x\n");
}

static void nesting_places_its_commas(void **state)
{
	(void)state;
	assert_string_equal(
		python("d[\"nested\"]"),
		"{'rows': [{'n': 0, 'empty': []}, {'n': 1, 'empty': []}, "
		"{'n': 2, 'empty': []}, [1, 'two', True]], 'object': {}, 'after': 1}\n");
}

static void a_second_document_starts_afresh(void **state)
{
	static char first[sizeof(document)];

	(void)state;
	strlcpy(first, document, sizeof(first));
	uart_reset();
	stats_dump();
	join(uart_sent());
	assert_string_equal(document, first);
}

static void no_line_is_too_long_and_no_string_torn(void **state)
{
	(void)state; /* join() looked at every line's length */
	assert_string_equal(python("[n for n in range(198) if "
				   "d[\"lengths\"][\"k%d\" % n] != chr(97 + n % 26) * n]"),
			    "[]\n");
	assert_string_equal(python("d[\"too_long\"][\"plain\"] == \"x\" * 197"), "True\n");
	assert_string_equal(python("d[\"too_long\"][\"escapes\"] == chr(2) * 32"), "True\n");
	assert_string_equal(python("d[\"too_long\"][\"after\"]"), "1\n");
}

static void each_line_ends_between_tokens(void **state)
{
	unsigned int quotes = 0;

	(void)state;
	uart_reset();
	stats_dump();
	for (const char *s = uart_sent(); *s; s++) {
		quotes += *s == '"' && s[-1] != '\\';
		if (*s == '\n')
			assert_int_equal(quotes % 2, 0);
	}
	assert_int_not_equal(quotes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_document_is_json_with_every_part),
		cmocka_unit_test(values_come_back_as_they_were),
		cmocka_unit_test(nesting_places_its_commas),
		cmocka_unit_test(no_line_is_too_long_and_no_string_torn),
		cmocka_unit_test(each_line_ends_between_tokens),
		cmocka_unit_test(a_second_document_starts_afresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
