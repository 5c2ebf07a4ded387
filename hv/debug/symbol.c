/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks addresses up in the text of `nm -n`: lines "ADDRESS TYPE NAME", sorted by address. */
#include "debug/symbol.h"

#include "debug/log.h"
#include "lib/printf.h"
#include "mem/layout.h"

#define ADDRESS_DIGITS 16
#define NAME_AT        (ADDRESS_DIGITS + 3)

static const char *table;
static size_t table_size;

static bool parse_address(const char *s, uint64_t *addr)
{
	*addr = 0;
	for (int i = 0; i < ADDRESS_DIGITS; i++) {
		int d = s[i] >= '0' && s[i] <= '9'   ? s[i] - '0'
			: s[i] >= 'a' && s[i] <= 'f' ? s[i] - 'a' + 10
						     : -1;

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

/* Once: every line has its form, and addresses never fall. */
static bool is_sound(void)
{
	uint64_t last = 0;

	for (size_t at = 0; at < table_size; at = line_end(at) + 1) {
		uint64_t addr;

		if (line_end(at) - at <= NAME_AT || !parse_address(table + at, &addr) ||
		    addr < last)
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

/* Start of the last line whose address is not above addr; table_size if there is none. */
static size_t find(uint64_t addr)
{
	size_t found = table_size;

	for (size_t at = 0; at < table_size; at = line_end(at) + 1) {
		uint64_t a;

		parse_address(table + at, &a);
		if (a > addr)
			break;
		found = at;
	}
	return found;
}

const char *symbol_format(uint64_t addr, char *buf, size_t size)
{
	bool text = addr >= (uint64_t)__text_start && addr < (uint64_t)__text_end;
	size_t at = text ? find(addr) : table_size;
	uint64_t start;

	if (at >= table_size) {
		snprintf(buf, size, "0x%lx", addr);
		return buf;
	}
	parse_address(table + at, &start);
	/* The printf here has no .*: cut the name by its own length. */
	{
		char name[80];
		size_t n = MIN(line_end(at) - at - NAME_AT, sizeof(name) - 1);

		__builtin_memcpy(name, table + at + NAME_AT, n);
		name[n] = 0;
		snprintf(buf, size, "%s+0x%lx", name, addr - start);
	}
	return buf;
}
