/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks addresses up in the text of `nm -n`: lines "ADDRESS TYPE NAME", sorted by address. */
#include "debug/symbol.h"

#include "debug/log.h"
#include "lib/printf.h"
#include "mem/layout.h"

#define ADDRESS_DIGITS 16
#define NAME_AT        (ADDRESS_DIGITS + 3) /* behind " T " */
#define NAME_MAX       80

static const char *table;
static size_t table_size;

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Of a line that is at least ADDRESS_DIGITS long. */
static bool parse_address(const char *s, uint64_t *addr)
{
	*addr = 0;
	for (int i = 0; i < ADDRESS_DIGITS; i++) {
		int d = hex_digit(s[i]);

		if (d < 0)
			return false;
		*addr = *addr << 4 | (unsigned int)d;
	}
	return true;
}

static size_t line_end(size_t at)
{
	while (at < table_size && table[at] != '\n')
		at++;
	return at;
}

static size_t line_start(size_t at)
{
	while (at > 0 && table[at - 1] != '\n')
		at--;
	return at;
}

/* Once: every line has its form, and addresses never fall. Look-ups rely on it. */
static bool is_sound(void)
{
	uint64_t addr, last = 0;
	size_t end;

	for (size_t at = 0; at < table_size; at = end + 1) {
		const char *s = table + at;

		end = line_end(at);
		if (end - at <= NAME_AT || !parse_address(s, &addr) || addr < last ||
		    s[ADDRESS_DIGITS] != ' ' || s[ADDRESS_DIGITS + 2] != ' ')
			return false;
		last = addr;
	}
	return true;
}

void symbol_init(const char *text, size_t size)
{
	table = text;
	table_size = size;
	if (is_sound())
		return;
	log_warn("the symbol table is broken and is not used");
	table_size = 0;
}

/*
 * Start of the last line whose address is not above addr, by halving: lines that start in
 * [0, low) are not above, those in [high, size) are. False if there is none.
 */
static bool find(uint64_t addr, size_t *found)
{
	size_t low = 0, high = table_size;
	uint64_t a;

	while (low < high) {
		size_t at = line_start(low + (high - low) / 2);

		parse_address(table + at, &a);
		if (a > addr) {
			high = at;
		} else {
			*found = at;
			low = line_end(at) + 1;
		}
	}
	return low > 0;
}

const char *symbol_format(uint64_t addr, char *buf, size_t size)
{
	bool text = addr >= (uint64_t)__text_start && addr < (uint64_t)__text_end;
	uint64_t start;
	size_t at;

	if (!text || !find(addr, &at)) {
		snprintf(buf, size, "0x%lx", addr);
		return buf;
	}
	parse_address(table + at, &start);
	snprintf(buf, size, "%.*s+0x%lx", (int)MIN(line_end(at) - at - NAME_AT, NAME_MAX),
		 table + at + NAME_AT, addr - start);
	return buf;
}
