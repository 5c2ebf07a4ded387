/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of the command line, and of a line typed on the console: one grammar for both.
 *
 *	LINE   = { SETTING | APP { OPTION } }
 *
 * An option belongs to the application word before it. Pure: text in, structures or one error
 * line out; no other state, so the unit tests run it on the host. The text is never changed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum app {
	APP_ECHO,
	APP_IPERF_SERVER,
	APP_IPERF_CLIENT,
	APP_HTTP,
	APP_FLOOD,
	APP_SINK,
	APP_VERIFY_SERVER,
	APP_VERIFY_CLIENT,
	APP_PING,
	APP_BREAK_RING,
	APP_STATS,
	APP_HELP,
	APP_POWEROFF,
	APP_COUNT,
};

enum option {
	OPTION_UDP,   /* flag */
	OPTION_TIME,  /* seconds */
	OPTION_BYTES, /* K, M, G: powers of 1024 */
	OPTION_BW,  /* bits per second, k, m, g: powers of 1000; 0 = as fast as the ring takes it */
	OPTION_LEN, /* bytes of a datagram or frame */
	OPTION_COUNT_OF, /* frames or echo requests; k, m, g as in bw */
	OPTION_PORT,
	OPTION_COUNT,
};

/* One application to start. */
struct request {
	enum app app;
	uint32_t addr;                 /* IPv4, network byte order, where the word takes one */
	uint8_t mac[6];                /* where the word takes one */
	uint32_t given;                /* bit per enum option: present on the line */
	uint64_t option[OPTION_COUNT]; /* 0 if not given */
};

/* What concerns the whole guest. Command line only. */
struct settings {
	bool dhcp;
	bool exit_when_done; /* "exit": power off when the last client has finished */
	uint32_t ip, gw;     /* network byte order, 0 = none */
	uint8_t prefix;
	uint64_t tsc_khz; /* 0 = not told */
};

#define WORDS_MAX_REQUESTS 16
#define WORDS_ERROR_BYTES  128

struct words {
	struct settings settings;
	struct request request[WORDS_MAX_REQUESTS];
	size_t count;
	char error[WORDS_ERROR_BYTES]; /* valid if words_parse() returned false */
};

/*
 * Returns false with `error` set to one line naming the word at the first thing that is not
 * understood.
 */
bool words_parse(struct words *words, const char *line);

/* The option's value, or `fallback` if the line did not have it. */
uint64_t request_option(const struct request *r, enum option o, uint64_t fallback);

/* The application's word, and a one-line description of it for "help". */
const char *app_word(enum app app);
const char *app_help(enum app app);
