/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mutations of a .twin file's tables: relocations, imports, entries, header, and the CRC. */
#include <string.h>

#include "campaign.h"

/* One element of a table in the image, or NULL when it is empty. */
static void *element(uint8_t *img, enum twin_table_id id, uint32_t size)
{
	const struct twin_header *h = (const void *)(img + TWIN_HEADER_OFFSET);
	uint32_t n = h->table[id].count;

	return n ? img + h->table[id].offset + size * below(n) : NULL;
}

#define ELEMENT(img, id, type) ((struct type *)element(img, id, sizeof(struct type)))

/* Another import for a call or a datum, or what an import is becomes another thing. */
static void swap(uint8_t *img)
{
	struct twin_header *h = (void *)(img + TWIN_HEADER_OFFSET);
	struct twin_reloc *r = ELEMENT(img, TWIN_TABLE_RELOCS, twin_reloc);
	struct twin_import *a = ELEMENT(img, TWIN_TABLE_IMPORTS, twin_import);
	struct twin_import *b = ELEMENT(img, TWIN_TABLE_IMPORTS, twin_import);

	if (!r || !a)
		return;
	switch (below(6)) {
	case 0:
	case 1:
		r->index = below(h->table[TWIN_TABLE_IMPORTS].count);
		break;
	case 2:
		a->name = b->name;
		break;
	case 3:
		a->flags ^= (uint8_t)(1u << below(3));
		break;
	case 4:
		a->kind = (uint8_t)(1 + below(4));
		a->reg = (uint8_t)below(17);
		break;
	default:
		a->nstack = (uint8_t)below(8);
		a->name = below(2) ? b->name : a->name;
		break;
	}
}

static void reloc(const struct subject *s, uint8_t *img)
{
	for (unsigned int n = 1 + below(2); n--;) {
		struct twin_reloc *r = ELEMENT(img, TWIN_TABLE_RELOCS, twin_reloc);

		if (!r)
			return;
		switch (below(6)) {
		case 0:
			r->where = below(s->text_size + 8);
			break;
		case 1:
			r->where += below(16) - 8;
			break;
		case 2:
			r->type = below(6);
			break;
		case 3:
			r->index = below(4) ? below(64) : (uint32_t)rnd();
			break;
		case 4:
			r->addend = (int32_t)rnd();
			break;
		default:
			r->where = s->insn[below(s->insns)] + below(6);
			r->type = 1 + below(4);
			break;
		}
	}
}

/* The file says of a routine that it does not return; what is behind a call of it is another's. */
static void never_returns(const struct subject *s, uint8_t *img)
{
	struct twin_header *h = (void *)(img + TWIN_HEADER_OFFSET);
	struct twin_import *m = (void *)(img + h->table[TWIN_TABLE_IMPORTS].offset);
	const struct twin_reloc *r = ELEMENT(img, TWIN_TABLE_RELOCS, twin_reloc);
	uint32_t from = s->insn[below(s->insns)], behind;

	if (!r || r->type != TWIN_R_CALL32)
		return;
	if (r->index >= h->table[TWIN_TABLE_IMPORTS].count) /* an earlier mutation's */
		return;
	m[r->index].flags |= TWIN_IMPORT_NORETURN;
	behind = r->where + 4;
	if (behind < s->text_size - 16 && from < s->text_size - 16)
		memmove(img + s->text + behind, img + s->text + from, 3 + below(6));
}

/* Entries, targets, traps, functions and flags of imports: small and wild numbers. */
static void table(const struct subject *s, uint8_t *img)
{
	struct twin_function *f = ELEMENT(img, TWIN_TABLE_FUNCTIONS, twin_function);
	struct twin_entry *e = ELEMENT(img, TWIN_TABLE_ENTRIES, twin_entry);
	struct twin_target *t = ELEMENT(img, TWIN_TABLE_TARGETS, twin_target);
	struct twin_trap *w = ELEMENT(img, TWIN_TABLE_TRAPS, twin_trap);
	uint32_t to = below(3) ? s->insn[below(s->insns)] : below(s->text_size + 4);

	switch (below(6)) {
	case 0:
		if (f)
			f->twin_offset = to;
		break;
	case 1:
		if (e)
			e->function = below(16);
		break;
	case 2:
		if (t)
			t->twin_offset = to;
		break;
	case 3:
		if (w)
			w->twin_offset = to;
		break;
	case 4:
		if (w)
			w->kind = below(3);
		break;
	default:
		never_returns(s, img);
		break;
	}
}

/* Header and places of tables, and bytes anywhere but in the text. */
static void meta(const struct subject *s, uint8_t *img)
{
	struct twin_header *h = (void *)(img + TWIN_HEADER_OFFSET);
	struct twin_table *t = &h->table[below(TWIN_TABLE_COUNT)];
	static const int32_t step[] = { -16, -8, -1, 1, 8, 16, 4096, INT32_MAX };

	switch (below(5)) {
	case 0:
		t->count += (uint32_t)step[below(8)];
		break;
	case 1:
		t->offset += (uint32_t)step[below(8)] & (below(2) ? ~7u : ~0u);
		break;
	case 2:
		*t = h->table[below(TWIN_TABLE_COUNT)];
		break;
	case 3:
		img[TWIN_HEADER_OFFSET + below(sizeof(*h))] ^= (uint8_t)(1u << below(8));
		break;
	default:
		for (unsigned int n = 1 + below(4); n--;) {
			uint32_t at = below(s->size);

			if (at - s->text >= s->text_size)
				img[at] = (uint8_t)rnd();
		}
		break;
	}
}

void mutate_tables(const struct subject *s, uint8_t *img, enum mutation kind)
{
	if (kind == MUTATION_swap)
		swap(img);
	else if (kind == MUTATION_reloc)
		reloc(s, img);
	else if (kind == MUTATION_table)
		table(s, img);
	else
		meta(s, img);
}

/* The CRC is no protection against intent: put it right. The same sum as twin_crc32(), by table. */
void seal(uint8_t *img, uint32_t size)
{
	const uint32_t at = TWIN_HEADER_OFFSET + offsetof(struct twin_header, crc32);
	static uint32_t sums[256];
	uint32_t crc = ~0u;

	for (uint32_t k = 0; !sums[255] && k < 256; k++) {
		uint32_t c = k;

		for (int bit = 0; bit < 8; bit++)
			c = (c >> 1) ^ (0xedb88320u & -(c & 1));
		sums[k] = c;
	}
	memset(img + at, 0, 4);
	for (uint32_t k = 0; k < size; k++)
		crc = (crc >> 8) ^ sums[(crc ^ img[k]) & 0xff];
	crc = ~crc;
	memcpy(img + at, &crc, 4);
}
