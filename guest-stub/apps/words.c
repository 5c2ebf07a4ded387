/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "apps/words.h"
#include "lib/print.h"

#include <string.h>

#define WORD_MAX 64 /* longest word, with its value */

enum argument { ARGUMENT_NONE, ARGUMENT_IP, ARGUMENT_MAC };

struct app_info {
	const char *word;
	enum argument argument;
	uint32_t options; /* bit per enum option that the word takes */
	uint32_t either;  /* options of which at most one may be given */
	const char *help;
};

#define O(x) (1u << OPTION_##x)

static const struct app_info app_infos[APP_COUNT] = {
	[APP_ECHO] = {
		.word = "echo",
		.options = O(PORT),
		.help = "echo [port=7]: TCP and UDP echo server",
	},
	[APP_IPERF_SERVER] = {
		.word = "iperf-server",
		.options = O(PORT),
		.help = "iperf-server [port=5001]: iperf 2 server, TCP and UDP",
	},
	[APP_IPERF_CLIENT] = {
		.word = "iperf-client",
		.argument = ARGUMENT_IP,
		.options = O(UDP) | O(TIME) | O(BYTES) | O(BW) | O(LEN) | O(PORT),
		.either = O(TIME) | O(BYTES),
		.help = "iperf-client=IP [time=10 | bytes=N] [port=5001] [udp [bw=1m] [len=1470]]",
	},
	[APP_HTTP] = {
		.word = "http",
		.help = "http: HTTP server on port 80 with / /1k /16k /64k /1m",
	},
	[APP_FLOOD] = {
		.word = "flood",
		.argument = ARGUMENT_MAC,
		.options = O(COUNT_OF) | O(LEN) | O(BW),
		.help = "flood=MAC [count=1000] [len=1514] [bw=0]: numbered raw frames",
	},
	[APP_SINK] = {
		.word = "sink",
		.options = O(TIME),
		.help = "sink [time=1]: count and check the frames of floods",
	},
	[APP_VERIFY_SERVER] = {
		.word = "verify-server",
		.options = O(PORT),
		.help = "verify-server [port=5002]: TCP receiver that answers with a hash",
	},
	[APP_VERIFY_CLIENT] = {
		.word = "verify-client",
		.argument = ARGUMENT_IP,
		.options = O(BYTES) | O(PORT),
		.help = "verify-client=IP [bytes=1M] [port=5002]: send, compare hashes",
	},
	[APP_PING] = {
		.word = "ping",
		.argument = ARGUMENT_IP,
		.options = O(COUNT_OF) | O(LEN),
		.help = "ping=IP [count=4] [len=56]: ICMP echo requests, 10 a second",
	},
	[APP_BREAK_RING] = {
		.word = "break-ring",
		.help = "break-ring: shows the device a wrong transmit ring, for tests",
	},
	[APP_STATS] = { .word = "stats", .help = "stats: print all counters" },
	[APP_HELP] = { .word = "help", .help = "help: print these lines" },
	[APP_POWEROFF] = { .word = "poweroff", .help = "poweroff: end this VM" },
};

/* What follows the '=': nothing, a number, or one with a suffix k, m, g of this base. */
enum option_kind { FLAG, PLAIN, POWERS_OF_1000, POWERS_OF_1024 };

struct option_info {
	const char *word;
	enum option_kind kind;
	uint64_t min, max;
};

static const struct option_info option_infos[OPTION_COUNT] = {
	[OPTION_UDP] = { "udp", FLAG, 0, 0 },
	[OPTION_TIME] = { "time", PLAIN, 1, 86400 },
	[OPTION_BYTES] = { "bytes", POWERS_OF_1024, 1, 1ull << 40 },
	[OPTION_BW] = { "bw", POWERS_OF_1000, 0, 100000000000 },
	[OPTION_LEN] = { "len", PLAIN, 16, 1514 },
	[OPTION_COUNT_OF] = { "count", POWERS_OF_1000, 1, UINT32_MAX },
	[OPTION_PORT] = { "port", PLAIN, 1, 65535 },
};

/* One word of the line, split at '='. value is NULL without one. */
struct word {
	char text[WORD_MAX + 1];
	char name[WORD_MAX + 1];
	const char *value;
};

static bool fail(struct words *w, const char *what, const struct word *word)
{
	print_to(w->error, sizeof(w->error), "%s '%s'", what, word->text);
	return false;
}

/* Digits only, at most 19 of them. Returns the first character after the number, or NULL. */
static const char *parse_digits(const char *s, uint64_t *value)
{
	const char *start = s;

	*value = 0;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (s - start == 18)
			return NULL;
		*value = *value * 10 + (uint64_t)(*s - '0');
	}
	return s == start ? NULL : s;
}

static unsigned int suffix_power(char c)
{
	switch (c | 0x20) {
	case 'k':
		return 1;
	case 'm':
		return 2;
	case 'g':
		return 3;
	default:
		return 0;
	}
}

static bool parse_number(const char *s, const struct option_info *info, uint64_t *value)
{
	s = parse_digits(s, value);
	if (!s)
		return false;
	if (*s && info->kind != PLAIN) {
		unsigned int power = suffix_power(*s++);

		if (!power || *value > info->max)
			return false;
		while (power--)
			*value *= info->kind == POWERS_OF_1024 ? 1024 : 1000;
	}
	return !*s && *value >= info->min && *value <= info->max;
}

/* Dotted quad; `end` gets the first character after it. */
static bool parse_ip(const char *s, uint32_t *addr, const char **end)
{
	uint8_t bytes[4];

	for (unsigned int i = 0; i < 4; i++) {
		uint64_t n;

		if (i && *s++ != '.')
			return false;
		s = parse_digits(s, &n);
		if (!s || n > 255)
			return false;
		bytes[i] = (uint8_t)n;
	}
	memcpy(addr, bytes, 4);
	*end = s;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_mac(const char *s, uint8_t mac[6])
{
	for (unsigned int i = 0; i < 6; i++) {
		int high, low;

		if (i && *s++ != ':')
			return false;
		high = hex_digit(s[0]);
		low = high < 0 ? -1 : hex_digit(s[1]);
		if (low < 0)
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
		s += 2;
	}
	return !*s;
}

/* ip=ADDRESS/PREFIX or ip=dhcp */
static bool parse_own_ip(struct settings *st, const char *value)
{
	uint64_t prefix;

	if (st->dhcp || st->ip)
		return false;
	if (!strcmp(value, "dhcp")) {
		st->dhcp = true;
		return true;
	}
	if (!parse_ip(value, &st->ip, &value) || *value != '/')
		return false;
	value = parse_digits(value + 1, &prefix);
	st->prefix = (uint8_t)prefix;
	return value && !*value && prefix >= 1 && prefix <= 32 && st->ip;
}

enum outcome { NOT_MINE, TAKEN, WRONG };

static enum outcome take(bool good)
{
	return good ? TAKEN : WRONG;
}

static enum outcome parse_setting(struct words *w, const struct word *word)
{
	struct settings *st = &w->settings;
	const char *end;

	if (!strcmp(word->name, "ip"))
		return take(word->value && parse_own_ip(st, word->value));
	if (!strcmp(word->name, "gw"))
		return take(word->value && parse_ip(word->value, &st->gw, &end) && !*end);
	if (!strcmp(word->name, "tsc_early_khz")) {
		end = word->value ? parse_digits(word->value, &st->tsc_khz) : NULL;
		return take(end && !*end && st->tsc_khz >= 1000);
	}
	if (!strcmp(word->name, "exit")) {
		st->exit_when_done = true;
		return take(!word->value);
	}
	return NOT_MINE;
}

static bool parse_argument(struct request *r, enum argument kind, const char *value)
{
	const char *end;

	switch (kind) {
	case ARGUMENT_IP:
		return value && parse_ip(value, &r->addr, &end) && !*end;
	case ARGUMENT_MAC:
		return value && parse_mac(value, r->mac);
	default:
		return !value;
	}
}

static enum outcome parse_app(struct words *w, const struct word *word)
{
	struct request *r = &w->request[w->count];

	for (enum app a = 0; a < APP_COUNT; a++) {
		if (strcmp(word->name, app_infos[a].word))
			continue;
		if (w->count == WORDS_MAX_REQUESTS)
			return WRONG;
		*r = (struct request){ .app = a };
		w->count++;
		return take(parse_argument(r, app_infos[a].argument, word->value));
	}
	return NOT_MINE;
}

static enum outcome parse_option(struct words *w, const struct word *word)
{
	struct request *r = w->count ? &w->request[w->count - 1] : NULL;

	for (enum option o = 0; o < OPTION_COUNT; o++) {
		const struct option_info *info = &option_infos[o];
		const struct app_info *app;

		if (strcmp(word->name, info->word))
			continue;
		if (!r)
			return WRONG;
		app = &app_infos[r->app];
		if (!(app->options & 1u << o) || (r->given & 1u << o) ||
		    ((app->either & 1u << o) && (r->given & app->either)))
			return WRONG;
		r->given |= 1u << o;
		if (info->kind == FLAG)
			return take(!word->value);
		return take(word->value && parse_number(word->value, info, &r->option[o]));
	}
	return NOT_MINE;
}

/*
 * Copy the next word. Returns the rest of the line, or NULL at its end; a word too long is cut to
 * one that fails.
 */
static const char *next_word(const char *s, struct word *word)
{
	size_t n = 0;
	char *equals;

	while (*s == ' ' || *s == '\t' || *s == '\r' || *s == '\n')
		s++;
	if (!*s)
		return NULL;
	for (; *s && *s != ' ' && *s != '\t' && *s != '\r' && *s != '\n'; s++) {
		if (n < WORD_MAX)
			word->text[n++] = *s;
	}
	word->text[n] = '\0';
	memcpy(word->name, word->text, n + 1);
	equals = strchr(word->name, '=');
	if (equals)
		*equals = '\0';
	word->value = equals ? equals + 1 : NULL;
	return s;
}

static bool parse_word(struct words *w, const struct word *word)
{
	enum outcome (*const parsers[])(struct words *, const struct word *) = {
		parse_setting,
		parse_app,
		parse_option,
	};

	if (strlen(word->text) == WORD_MAX)
		return fail(w, "word too long", word);
	for (size_t i = 0; i < sizeof(parsers) / sizeof(parsers[0]); i++) {
		switch (parsers[i](w, word)) {
		case TAKEN:
			return true;
		case WRONG:
			return fail(w, "bad or misplaced word", word);
		default:
			break;
		}
	}
	return fail(w, "unknown word", word);
}

bool words_parse(struct words *words, const char *line)
{
	struct word word;

	memset(words, 0, sizeof(*words));
	while ((line = next_word(line, &word))) {
		if (!parse_word(words, &word))
			return false;
	}
	return true;
}

uint64_t request_option(const struct request *r, enum option o, uint64_t fallback)
{
	return r->given & 1u << o ? r->option[o] : fallback;
}

const char *app_word(enum app app)
{
	return app_infos[app].word;
}

const char *app_help(enum app app)
{
	return app_infos[app].help;
}
