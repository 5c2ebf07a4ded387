/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON writer (RFC 8259) and the document of all counters. */
#include "debug/stats.h"

#include "debug/console.h"
#include "lib/printf.h"
#include "lib/string.h"

#define WRAP 160 /* a line is ended at the next token border behind this */

extern const struct stats_part __stats_start[], __stats_end[];

static struct console_source source = { .name = "json" };
static bool need_comma;

static void put(const char *s)
{
	console_write(&source, s);
}

static void put_quoted(const char *s)
{
	char hex[8];

	put("\"");
	for (; *s; s++) {
		char c[2] = { *s, 0 };

		if (*s == '"' || *s == '\\') {
			put("\\");
			put(c);
		} else if ((uint8_t)*s < ' ' || (uint8_t)*s > '~') {
			snprintf(hex, sizeof(hex), "\\u%04x", (uint8_t)*s);
			put(hex);
		} else {
			put(c);
		}
	}
	put("\"");
}

/* Comma, line end where due, key. */
static void lead(const char *key)
{
	if (need_comma)
		put(",");
	if (source.len > WRAP)
		console_put(&source, '\n');
	if (key) {
		put_quoted(key);
		put(":");
	}
	need_comma = true;
}

static void begin(const char *key, const char *bracket)
{
	lead(key);
	put(bracket);
	need_comma = false;
}

static void end(const char *bracket)
{
	put(bracket);
	need_comma = true;
}

void json_begin_object(const char *key)
{
	begin(key, "{");
}

void json_end_object(void)
{
	end("}");
}

void json_begin_array(const char *key)
{
	begin(key, "[");
}

void json_end_array(void)
{
	end("]");
}

void json_u64(const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", value);
	lead(key);
	put(text);
}

void json_bool(const char *key, bool value)
{
	lead(key);
	put(value ? "true" : "false");
}

void json_string(const char *key, const char *value)
{
	lead(key);
	put_quoted(value);
}

void stats_dump(void)
{
	need_comma = false;
	json_begin_object(NULL);
	for (const struct stats_part *p = __stats_start; p < __stats_end; p++) {
		json_begin_object(p->key);
		p->write();
		json_end_object();
	}
	json_end_object();
	console_put(&source, '\n');
}
