/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON writer (RFC 8259) and the document of all counters. */
#include "debug/stats.h"

#include "debug/console.h"
#include "lib/printf.h"
#include "lib/string.h"

#define LINE_MAX  200            /* bytes of a line behind its tag */
#define TOKEN_MAX (LINE_MAX - 2) /* of a string: its end quote and a colon follow */

extern const struct stats_part __stats_start[], __stats_end[];

static struct console_source source = { .name = "json" };
static bool need_comma;

/* A whole token, with what must follow it; a line that has no room for it is ended first. */
static void put_token(const char *s)
{
	if (source.len + strlen(s) > LINE_MAX)
		console_put(&source, '\n');
	console_write(&source, s);
}

/* One character as it stands in a JSON string; not more than 6 bytes. */
static size_t escape(char *out, size_t size, char c)
{
	if (c == '"' || c == '\\')
		return snprintf(out, size, "\\%c", c);
	if ((uint8_t)c < ' ' || (uint8_t)c > '~')
		return snprintf(out, size, "\\u%04x", (uint8_t)c);
	return snprintf(out, size, "%c", c);
}

/* Strings are texts of our own; one that no line can hold is cut. */
static void put_string(const char *s, const char *behind)
{
	char text[LINE_MAX + 1];
	char one[8];
	size_t n = 0;

	text[n++] = '"';
	for (; *s; s++) {
		size_t len = escape(one, sizeof(one), *s);

		if (n + len > TOKEN_MAX)
			break;
		memcpy(text + n, one, len);
		n += len;
	}
	text[n++] = '"';
	strlcpy(text + n, behind, sizeof(text) - n);
	put_token(text);
}

/* Comma and key. */
static void lead(const char *key)
{
	if (need_comma)
		put_token(",");
	if (key)
		put_string(key, ":");
	need_comma = true;
}

static void begin(const char *key, const char *bracket)
{
	lead(key);
	put_token(bracket);
	need_comma = false;
}

static void end(const char *bracket)
{
	put_token(bracket);
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
	put_token(text);
}

void json_bool(const char *key, bool value)
{
	lead(key);
	put_token(value ? "true" : "false");
}

void json_string(const char *key, const char *value)
{
	lead(key);
	put_string(value, "");
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
