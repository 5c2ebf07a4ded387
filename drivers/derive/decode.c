/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From bytes to instructions. The FUNC symbols say where code is: a stock module has no bytes
 * of code outside of them and no data inside. Each part is decoded in one sweep from its first
 * byte; that the sweep meets every branch target is checked in cfg.c.
 */
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "util.h"

static int by_place(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

/*
 * Aliases (init_module and the driver's own name for it) are one part; an overlap is an error,
 * for then it is not clear which bytes are whose.
 */
static void find_parts(struct program *p)
{
	const struct object *o = p->object;
	uint32_t capacity = 0, kept = 0;

	for (uint32_t i = 1; i < o->nsymbols; i++) {
		const struct symbol *y = &o->symbols[i];

		if (y->type != STT_FUNC || y->section == SHN_UNDEF || y->section == SHN_ABS ||
		    !o->sections[y->section].code || y->size == 0)
			continue;
		p->parts = grow(p->parts, p->nparts, &capacity, sizeof(*p->parts));
		p->parts[p->nparts++] = (struct part){
			.name = y->name,
			.section = y->section,
			.offset = (uint32_t)y->value,
			.size = (uint32_t)y->size,
			.func = NO_FUNC,
			.cold = strstr(y->name, ".cold") != NULL,
		};
	}
	if (p->nparts == 0)
		fail("%s: has no functions", o->path);
	qsort(p->parts, p->nparts, sizeof(*p->parts), by_place);
	for (uint32_t i = 0; i < p->nparts; i++) {
		struct part *last = kept ? &p->parts[kept - 1] : NULL, *part = &p->parts[i];

		if (last && by_place(last, part) == 0 && last->size == part->size)
			continue; /* an alias: init_module, cleanup_module */
		if (last && last->section == part->section &&
		    part->offset < last->offset + last->size)
			fail("%s: functions %s and %s overlap", o->path, last->name, part->name);
		p->parts[kept++] = *part;
	}
	p->nparts = kept;
}

/* At most two fields of an instruction can have one: displacement and immediate. */
static bool add_relocs(struct program *p, struct insn *i)
{
	const struct section *s = &p->object->sections[i->section];
	uint32_t low = 0, high = s->nrelocs;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (s->relocs[middle].offset < i->offset)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < s->nrelocs && s->relocs[low].offset < i->offset + i->length; low++) {
		if (i->nrel == ARRAY_SIZE(i->rel))
			return false;
		i->rel[i->nrel++] = &s->relocs[low];
	}
	return true;
}

/* Decode the instruction at `offset`; returns its length, 0 if the bytes are none. */
static unsigned decode_one(struct program *p, const ZydisDecoder *decoder, uint32_t number,
			   uint32_t offset, struct insn *i)
{
	const struct part *part = &p->parts[number];
	const struct section *s = &p->object->sections[part->section];
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
	uint32_t rest = part->offset + part->size - offset;

	*i = (struct insn){ .section = part->section,
			    .offset = offset,
			    .part = number,
			    .target = NO_INSN,
			    .thunk = -1 };
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(decoder, s->data + offset, rest, &i->z, op)))
		return 0;
	i->length = i->z.length;
	i->op = memcpy(zalloc(i->z.operand_count, sizeof(op[0])), op,
		       i->z.operand_count * sizeof(op[0]));
	return add_relocs(p, i) ? i->length : 0;
}

void decode(struct program *p)
{
	uint32_t capacity = 0;
	ZydisDecoder decoder;

	find_parts(p);
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	p->insn_at = zalloc(p->object->nsections, sizeof(*p->insn_at));
	for (uint32_t k = 0; k < p->nparts; k++) {
		struct part *part = &p->parts[k];
		uint32_t offset = part->offset, end = part->offset + part->size;

		if (!p->insn_at[part->section])
			p->insn_at[part->section] =
				zalloc(p->object->sections[part->section].size, sizeof(uint32_t));
		part->first = p->ninsns;
		while (offset < end) {
			struct insn i;
			unsigned length = decode_one(p, &decoder, k, offset, &i);

			if (!length)
				fail("%s: %s: cannot decode the bytes there", p->object->path,
				     insn_place(p, &i));
			p->insns = grow(p->insns, p->ninsns, &capacity, sizeof(*p->insns));
			p->insns[p->ninsns++] = i;
			p->insn_at[part->section][offset] = p->ninsns;
			offset += length;
		}
		part->count = p->ninsns - part->first;
	}
}
