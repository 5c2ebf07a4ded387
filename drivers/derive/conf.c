/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parser of the per-driver description. */
#include "conf.h"

#include <string.h>

#include "../twin_abi.h"
#include "util.h"

#define CONF_LIMIT (64 << 10)
#define WORDS_MAX  4

static const char *const role_names[] = {
	[TWIN_ROLE_INTR] = "intr",
	[TWIN_ROLE_POLL] = "poll",
	[TWIN_ROLE_XMIT] = "xmit",
};

const char *role_name(uint32_t role)
{
	return role < ARRAY_SIZE(role_names) && role_names[role] ? role_names[role] : "?";
}

static uint32_t parse_role(const struct conf *c, uint32_t line, const char *word)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(role_names); i++)
		if (role_names[i] && strcmp(role_names[i], word) == 0)
			return i;
	fail("%s:%u: unknown role '%s' (intr, poll, xmit)", c->path, line, word);
}

/* A line that occurs twice is a mistake in the file, not harmless. */
static void add(struct conf *c, uint32_t *capacity, struct conf_line l)
{
	for (uint32_t i = 0; i < c->nlines; i++)
		if (c->lines[i].verb == l.verb && c->lines[i].role == l.role &&
		    strcmp(c->lines[i].name, l.name) == 0)
			fail("%s:%u: '%s' is listed twice", c->path, l.line, l.name);
	c->lines = grow(c->lines, c->nlines, capacity, sizeof(*c->lines));
	c->lines[c->nlines++] = l;
}

/* Each verb takes a fixed number of words; the name comes last. */
static void parse_line(struct conf *c, uint32_t *capacity, char **word, int n, uint32_t line)
{
	static const char *const verbs[] = { [CONF_ENTRY] = "entry",
					     [CONF_TARGET] = "target",
					     [CONF_UPCALL] = "upcall",
					     [CONF_NATIVE] = "native" };
	struct conf_line l = { .line = line };
	int want;

	if (strcmp(word[0], "module") == 0) {
		if (n != 2 || c->module)
			fail("%s:%u: 'module NAME' is wanted once", c->path, line);
		c->module = word[1];
		return;
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i], word[0]) != 0)
			continue;
		l.verb = i;
		want = l.verb == CONF_ENTRY ? 3 : 2;
		if (n != want)
			fail("%s:%u: '%s' takes %d word%s", c->path, line, word[0], want - 1,
			     want > 2 ? "s" : "");
		if (l.verb == CONF_ENTRY)
			l.role = parse_role(c, line, word[1]);
		l.name = word[want - 1];
		add(c, capacity, l);
		return;
	}
	fail("%s:%u: unknown word '%s'", c->path, line, word[0]);
}

/* The text is cut into words in place; names point into it. */
struct conf *conf_load(const char *path)
{
	struct conf *c = zalloc(1, sizeof(*c));
	uint32_t capacity = 0, number = 0;
	size_t size;
	char *text = (char *)read_file(path, CONF_LIMIT, &size);

	c->path = path;
	if (memchr(text, 0, size))
		fail("%s: not a text file", path);
	for (char *line = text; line; number++) {
		char *next = strchr(line, '\n'), *word[WORDS_MAX], *save;
		int n = 0;

		if (next)
			*next++ = 0;
		line[strcspn(line, "#")] = 0;
		for (char *w = strtok_r(line, " \t\r", &save); w;
		     w = strtok_r(NULL, " \t\r", &save)) {
			if (n == WORDS_MAX)
				fail("%s:%u: too many words", path, number + 1);
			word[n++] = w;
		}
		if (n)
			parse_line(c, &capacity, word, n, number + 1);
		line = next;
	}
	if (!c->module)
		fail("%s: no 'module NAME' line", path);
	return c;
}

bool conf_has(const struct conf *c, enum conf_verb verb, const char *name)
{
	for (uint32_t i = 0; i < c->nlines; i++)
		if (c->lines[i].verb == verb && strcmp(c->lines[i].name, name) == 0)
			return true;
	return false;
}
