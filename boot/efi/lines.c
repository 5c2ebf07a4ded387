/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the lines; the text comes from a disk and may be anything. */
#include "boot/efi/lines.h"

#include "lib/errno.h"
#include "lib/printf.h"
#include "lib/string.h"

#define SPECIAL "\"$;&|<>{}" /* to GRUB, outside of quotes */

enum word { WORD, WORD_NONE, WORD_BAD };

struct reader {
	struct lines *l;
	const char *at, *end; /* of the present line */
	char word[BOOT_LINE];
	size_t length;
};

static int fail(struct lines *l, const char *fmt, ...) __format(2, 3);

static int fail(struct lines *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->why, sizeof(l->why), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static bool add(struct reader *r, char c)
{
	if (r->length + 1 == sizeof(r->word))
		return false;
	r->word[r->length++] = c;
	r->word[r->length] = 0;
	return true;
}

/* From behind one quote to behind the other. */
static bool quoted(struct reader *r)
{
	for (; r->at < r->end && *r->at != '\''; r->at++)
		if (!add(r, *r->at))
			return false;
	if (r->at == r->end)
		return false;
	r->at++;
	return true;
}

/* One or more characters of a word. Returns whether they can be part of one. */
static bool part(struct reader *r)
{
	char c = *r->at++;

	if (c == '\'')
		return quoted(r);
	if (c == '\\' && r->at == r->end)
		return false;
	if (c == '\\')
		return add(r, *r->at++);
	return c && !strchr(SPECIAL, c) && add(r, c);
}

static enum word next_word(struct reader *r)
{
	r->length = 0;
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t'))
		r->at++;
	if (r->at == r->end || *r->at == '#')
		return WORD_NONE;
	while (r->at < r->end && *r->at != ' ' && *r->at != '\t')
		if (!part(r))
			return WORD_BAD;
	return WORD;
}

static int bad_word(struct reader *r)
{
	return fail(r->l,
		    "the word behind '%.60s' is too long, lacks its second quote, or has one of "
		    "%s outside of single quotes",
		    r->length ? r->word : "", SPECIAL);
}

static int read_path(struct reader *r, struct load_line *line, const char *command)
{
	enum word w = next_word(r);

	if (w == WORD_BAD)
		return bad_word(r);
	if (w == WORD_NONE)
		return fail(r->l, "%s names no file", command);
	if (r->word[0] != '/')
		return fail(r->l, "'%.60s' must begin with a slash, as /boot/FILE does", r->word);
	if (strlcpy(line->path, r->word, sizeof(line->path)) >= sizeof(line->path))
		return fail(r->l, "the file's name has more than %d characters", LINES_PATH - 1);
	return 0;
}

static int read_words(struct reader *r, struct load_line *line)
{
	size_t n = 0;
	enum word w;

	line->words[0] = 0;
	while ((w = next_word(r)) == WORD) {
		if (n + r->length + 2 > sizeof(line->words))
			return fail(r->l, "its words have more than %d characters", BOOT_LINE - 1);
		if (n)
			line->words[n++] = ' ';
		memcpy(line->words + n, r->word, r->length);
		n += r->length;
		line->words[n] = 0;
	}
	return w == WORD_BAD ? bad_word(r) : 0;
}

static int check_order(struct lines *l, const char *command)
{
	bool first = strcmp(command, "multiboot2") == 0;

	if (!first && strcmp(command, "module2"))
		return fail(l, "unknown command '%.60s' (known: multiboot2, module2)", command);
	if (first && l->count)
		return fail(l, "there can be only one line multiboot2");
	if (!first && !l->count)
		return fail(l, "module2 comes behind the line multiboot2");
	if (l->count == LINES_MAX)
		return fail(l, "more than %d modules", BOOT_MODULES);
	return 0;
}

static int read_line(struct lines *l, const char *at, const char *end)
{
	struct reader r = { .l = l, .at = at, .end = end };
	struct load_line *line;
	enum word w;
	char command[16];

	w = next_word(&r);
	if (w == WORD_NONE)
		return 0;
	if (w == WORD_BAD)
		return bad_word(&r);
	if (check_order(l, r.word))
		return -EINVAL;
	strlcpy(command, r.word, sizeof(command));
	line = &l->line[l->count++];
	line->number = l->wrong;
	return read_path(&r, line, command) || read_words(&r, line) ? -EINVAL : 0;
}

int lines_read(struct lines *l, const char *text, size_t size)
{
	const char *end = text + size;

	l->count = 0;
	for (l->wrong = 1; text < end; l->wrong++) {
		const char *eol = text, *stop;

		while (eol < end && *eol != '\n')
			eol++;
		stop = eol > text && eol[-1] == '\r' ? eol - 1 : eol;
		if (read_line(l, text, stop))
			return -EINVAL;
		text = eol < end ? eol + 1 : end;
	}
	if (!l->count)
		return fail(l, "no line multiboot2 /boot/FILE, which names the hypervisor");
	return 0;
}
