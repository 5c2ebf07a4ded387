/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables that need addresses: functions, entries, targets, traps, and both address maps. */
#include <stdlib.h>

#include "set.h"
#include "twin.h"
#include "util.h"

#define APPEND(t, table)                                                                       \
	((t)->table =                                                                          \
		 grow((t)->table, (t)->n##table, &(t)->table##_capacity, sizeof(*(t)->table)), \
	 &(t)->table[(t)->n##table++])

/* First item that belongs to this part from instruction x on, or NULL. */
static const struct item *item_from(const struct twin *t, const struct part *part, uint32_t x)
{
	for (; x < part->first + part->count; x++)
		if (t->first_item[x])
			return &t->items[t->first_item[x] - 1];
	return NULL;
}

static uint32_t part_end(const struct twin *t, const struct part *part, const struct item *first)
{
	const struct item *item = first, *last = t->items + t->nitems;

	for (; item < last && t->p->insns[item->insn].part == t->p->insns[first->insn].part; item++)
		;
	(void)part;
	return item[-1].offset + item[-1].length;
}

/* Functions; `index` is by part, TWIN_NONE where nothing of the part was derived. */
static uint32_t *add_functions(struct twin *t)
{
	const struct program *p = t->p;
	uint32_t count, *order = twin_part_order(t, &count);
	uint32_t *index = zalloc(p->nparts, sizeof(*index));

	for (uint32_t k = 0; k < p->nparts; k++)
		index[k] = TWIN_NONE;
	for (uint32_t k = 0; k < count; k++) {
		const struct part *part = &p->parts[order[k]];
		const struct func *f = &p->funcs[part->func];
		const struct item *first = item_from(t, part, part->first);
		struct twin_function *to;

		if (!first)
			continue;
		index[order[k]] = t->nfunctions;
		to = APPEND(t, functions);
		*to = (struct twin_function){
			.name = twin_string(t, part->name),
			.parent = index[f->parts[0]],
			.section = twin_section_index(t, part->section),
			.module_offset = part->offset,
			.module_size = part->size,
			.twin_offset = first->offset,
			.twin_size = part_end(t, part, first) - first->offset,
			.frame = (uint32_t)f->deepest,
			.second = f->second,
			.flags = part->cold ? TWIN_FUNCTION_COLD : 0,
		};
	}
	free(order);
	return index;
}

/* The bound on stack lets the hv check its own stack's size at load time. */
static void add_entries(struct twin *t, const uint32_t *index)
{
	struct program *p = t->p;

	for (uint32_t k = 0; k < p->conf->nlines; k++) {
		const struct conf_line *l = &p->conf->lines[k];
		struct func *f = l->verb == CONF_ENTRY ? func_find(p, l->name) : NULL;

		if (!f || !f->in_set)
			continue;
		*APPEND(t, entries) = (struct twin_entry){ l->role, index[f->parts[0]],
							   set_stack_bytes(p, f), 0 };
	}
}

static int by_place(const void *a, const void *b)
{
	const struct twin_target *x = a, *y = b;

	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	return (x->module_offset > y->module_offset) - (x->module_offset < y->module_offset);
}

/* Entries are left out: the hv alone may enter there. */
static void add_targets(struct twin *t, const uint32_t *index)
{
	struct program *p = t->p;

	for (uint32_t k = 0; k < p->nfuncs; k++) {
		const struct func *f = &p->funcs[k];
		const struct twin_function *to;
		uint32_t n = index[f->parts[0]];

		if (!f->in_set || !f->address_taken || set_is_entry(p, f) || n == TWIN_NONE)
			continue;
		to = &t->functions[n];
		*APPEND(t, targets) =
			(struct twin_target){ to->section, to->module_offset, to->twin_offset, n };
	}
	if (t->ntargets)
		qsort(t->targets, t->ntargets, sizeof(*t->targets), by_place);
}

/* One row per derived instruction; a fault's address finds its place in the module here. */
static void add_by_twin(struct twin *t)
{
	for (uint32_t k = 0; k < t->nitems; k++) {
		const struct item *item = &t->items[k];
		const struct insn *i = &t->p->insns[item->insn];

		*APPEND(t, by_twin) =
			(struct twin_map){ item->offset, i->offset,
					   (uint16_t)twin_section_index(t, i->section), item->kind,
					   item->length };
		if (i->flow == FLOW_WARN && item->kind == TWIN_MAP_COPIED)
			*APPEND(t, traps) = (struct twin_trap){ item->offset, TWIN_TRAP_WARN };
	}
}

/* COPIED, CHANGED, DROPPED or CANARY: what became of instruction x. */
static uint8_t module_kind(const struct twin *t, uint32_t x)
{
	uint32_t k = t->first_item[x];
	uint8_t kind = t->p->insns[x].canary ? TWIN_MAP_CANARY : TWIN_MAP_DROPPED;

	for (; k && k <= t->nitems && t->items[k - 1].insn == x; k++) {
		if (t->items[k - 1].kind == TWIN_MAP_CHANGED)
			return TWIN_MAP_CHANGED;
		if (t->items[k - 1].kind == TWIN_MAP_COPIED)
			kind = TWIN_MAP_COPIED;
	}
	return kind;
}

static int by_module_place(const void *a, const void *b)
{
	const struct twin_map *x = a, *y = b;

	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	return (x->module_offset > y->module_offset) - (x->module_offset < y->module_offset);
}

/* Also for what was dropped, so that every address of the module finds its twin. */
static void add_by_module(struct twin *t)
{
	const struct program *p = t->p;

	for (uint32_t n = 0; n < t->nfunctions; n++) {
		const struct twin_function *f = &t->functions[n];
		const struct part *part = NULL;

		for (uint32_t k = 0; k < p->nparts && !part; k++)
			if (p->parts[k].offset == f->module_offset &&
			    twin_section_index(t, p->parts[k].section) == f->section)
				part = &p->parts[k];
		if (!part)
			fail("internal error: function without a part");
		for (uint32_t x = part->first; x < part->first + part->count; x++) {
			const struct item *item = item_from(t, part, x);

			*APPEND(t, by_module) =
				(struct twin_map){ item ? item->offset
							: f->twin_offset + f->twin_size,
						   p->insns[x].offset, (uint16_t)f->section,
						   module_kind(t, x), p->insns[x].length };
		}
	}
	if (t->nby_module)
		qsort(t->by_module, t->nby_module, sizeof(*t->by_module), by_module_place);
}

void tables_after(struct twin *t)
{
	uint32_t *index = add_functions(t);

	add_entries(t, index);
	add_targets(t, index);
	add_by_twin(t);
	add_by_module(t);
	free(index);
}
