/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses for the derived instructions. Branches start short and grow until all distances
 * fit; growing never makes another distance smaller, so this ends.
 */
#include <string.h>

#include "twin.h"
#include "util.h"

#define ALIGNMENT 16
#define INT3      0xcc

/* Short until it is known not to reach. A call has no short form. */
static uint32_t branch_length(const struct item *item)
{
	switch (item->form) {
	case ITEM_JUMP:
		return item->wide ? 5 : 2;
	case ITEM_COND:
		return item->wide ? 6 : 2;
	case ITEM_CALL:
		return 5;
	default:
		return item->length;
	}
}

/* Does a hot part, that is a function, start with this item? */
static bool starts_function(const struct twin *t, uint32_t k)
{
	uint32_t part = t->p->insns[t->items[k].insn].part;

	return !t->p->parts[part].cold &&
	       (k == 0 || t->p->insns[t->items[k - 1].insn].part != part);
}

/* Offsets for the lengths that are assumed now. */
static void place(struct twin *t)
{
	uint32_t at = 0;

	for (uint32_t k = 0; k < t->nitems; k++) {
		if (starts_function(t, k))
			/* Also what the table of indirect calls counts in (R5). */
			at = (at + ALIGNMENT - 1) & ~(uint32_t)(ALIGNMENT - 1);
		t->items[k].offset = at;
		at += branch_length(&t->items[k]);
	}
	t->text_size = at;
}

/* From behind the branch, as the processor counts it. */
static int64_t distance(const struct twin *t, const struct item *item)
{
	uint32_t x = item->target;

	while (!t->first_item[x]) /* a nop: what follows it in its part stands for it */
		if (++x == t->p->ninsns || t->p->insns[x].part != t->p->insns[x - 1].part)
			fail("internal error: branch to an instruction that was not derived");
	return (int64_t)t->items[t->first_item[x] - 1].offset -
	       (item->offset + branch_length(item));
}

/* Turn the short branches that do not reach into long ones. */
static bool widen(struct twin *t)
{
	bool changed = false;

	for (uint32_t k = 0; k < t->nitems; k++) {
		struct item *item = &t->items[k];
		int64_t d;

		if ((item->form != ITEM_JUMP && item->form != ITEM_COND) || item->wide)
			continue;
		d = distance(t, item);
		if (d == (int8_t)d)
			continue;
		item->wide = true;
		changed = true;
	}
	return changed;
}

/* Only now distances are final. */
static void encode_branch(struct item *item, int64_t d)
{
	uint8_t condition = item->bytes[0], *to = item->bytes;
	int32_t d32 = (int32_t)d;

	item->length = (uint8_t)branch_length(item);
	if (item->form == ITEM_CALL)
		*to++ = 0xe8;
	else if (item->form == ITEM_JUMP)
		*to++ = item->wide ? 0xe9 : 0xeb;
	else if (item->wide) {
		*to++ = 0x0f;
		*to++ = 0x80 | condition;
	} else {
		*to++ = 0x70 | condition;
	}
	if (item->length == 2)
		*to = (uint8_t)d;
	else
		memcpy(to, &d32, sizeof(d32));
}

void layout(struct twin *t)
{
	do
		place(t);
	while (widen(t));
	/* Gaps trap: whoever gets there by speculation or by a mistake of ours stops. */
	t->text = memset(zalloc(t->text_size, 1), INT3, t->text_size);
	for (uint32_t k = 0; k < t->nitems; k++) {
		struct item *item = &t->items[k];

		if (item->form != ITEM_PLAIN)
			encode_branch(item, distance(t, item));
		memcpy(t->text + item->offset, item->bytes, item->length);
		if (!item->reloc.type)
			continue;
		item->reloc.where = item->offset + item->reloc_at;
		t->relocs = grow(t->relocs, t->nrelocs, &t->relocs_capacity, sizeof(*t->relocs));
		t->relocs[t->nrelocs++] = item->reloc;
	}
}
