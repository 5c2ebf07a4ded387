/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guards that pay twice. A guard where it is first needed is right but not always cheapest:
 *
 *  - The pointer was copied, spilled or offset just before. Guarded above that, the copy is
 *    guarded too, and what is done through it later needs no guard of its own.
 *  - Paths meet, and only one of them comes without a guard. Guarded at the end of that path, the
 *    others are spared; if the meeting point is the head of a loop, so is each round but the first.
 *
 * Both only move a guard up to where the access is sure to follow with the same pointer, without
 * a call or a branch between, so a valid pointer is not changed by it.
 */
#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "guard.h"
#include "live.h"
#include "util.h"

struct context {
	struct program *p;
	struct func *f;
	const struct options *o;
	uint16_t *known;   /* by instruction of f: registers with a known slack behind it */
	uint16_t *useless; /* ... and early guards before it that change nothing */
	uint32_t base;     /* lowest instruction of f */
};

static bool reads_as_pointer(const struct insn *i, int reg)
{
	return i->op[1].type == ZYDIS_OPERAND_TYPE_REGISTER && i->op[1].size == 64 &&
	       reg_number(i->op[1].reg.value) == reg;
}

/* Does i make another value out of the pointer in reg that is as good as guarded with it? */
static bool derives(const struct insn *i, const struct options *o, int reg)
{
	const ZydisDecodedOperand *to = &i->op[0];

	switch (i->z.mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		if (!reads_as_pointer(i, reg))
			return false;
		if (to->type == ZYDIS_OPERAND_TYPE_REGISTER)
			return true;
		return o->level >= TWIN_FACTS_SLOTS && to->mem.base == ZYDIS_REGISTER_RSP;
	case ZYDIS_MNEMONIC_ADD:
		return to->type == ZYDIS_OPERAND_TYPE_REGISTER && reads_as_pointer(i, reg);
	case ZYDIS_MNEMONIC_LEA:
		return to->size == 64 &&
		       (reg_number(i->op[1].mem.base) == reg ||
			(reg_number(i->op[1].mem.index) == reg && i->op[1].mem.scale <= 1));
	default:
		return false;
	}
}

/* First place in its block where reg has the value that it has at x, flags dead, worth a guard. */
static uint32_t before_copies(const struct context *c, uint32_t x, int reg)
{
	uint32_t best = NO_INSN;

	while (!c->p->insns[x].leader) {
		const struct insn *i = &c->p->insns[--x];

		if ((live_written(i) >> reg & 1) || i->flow == FLOW_CALL || i->flow == FLOW_WARN)
			break;
		if (i->flow == FLOW_NEXT && derives(i, c->o, reg) && !i->flags_in)
			best = x;
	}
	return best;
}

static bool make_early(struct context *c, uint32_t x, int reg)
{
	struct insn *i = &c->p->insns[x];

	for (unsigned k = 0; k < i->nearly; k++)
		if (i->guard[k] == reg)
			return false;
	if (i->nearly == INSN_GUARDS - 2 || i->flow == FLOW_DROP)
		return false;
	/* Planned guards are made again from nothing; early ones come first. */
	i->guard[i->nearly++] = (uint8_t)reg;
	i->nguards = i->nearly;
	return true;
}

/* Is reg, at the start of the block of x, what is guarded at x? Returns that start, or NO_INSN. */
static uint32_t block_start(const struct context *c, uint32_t x, int reg)
{
	while (!c->p->insns[x].leader) {
		const struct insn *i = &c->p->insns[--x];

		if ((live_written(i) >> reg & 1) || i->flow == FLOW_CALL || i->flow == FLOW_WARN)
			return NO_INSN;
	}
	return x;
}

/* The end of a path into `head` that lacks a guard of reg, if it is the only one; or NO_INSN. */
static uint32_t lonely_path(const struct context *c, uint32_t head, int reg)
{
	uint32_t lonely = NO_INSN, lacking = 0, having = 0;

	if (c->f->entry == head)
		return NO_INSN;
	for_each_insn(c->p, c->f, i, x)
	{
		bool leads = i->reachable && ((i->falls && x + 1 == head) ||
					      (i->target == head && i->flow != FLOW_CALL));

		if (!leads)
			continue;
		if (c->known[x - c->base] >> reg & 1) {
			having++;
		} else {
			lacking++;
			lonely = x;
		}
	}
	return lacking == 1 && having ? lonely : NO_INSN;
}

static bool guard_lonely_path(struct context *c, uint32_t x, int reg)
{
	uint32_t head = block_start(c, x, reg), end;
	const struct insn *i;

	if (head == NO_INSN)
		return false;
	end = lonely_path(c, head, reg);
	if (end == NO_INSN)
		return false;
	i = &c->p->insns[end];
	/* The path must lead nowhere else, and the pointer be there before its last instruction. */
	if ((i->flow != FLOW_NEXT && i->flow != FLOW_JUMP) || (live_written(i) >> reg & 1))
		return false;
	end = guard_point(c->p, end, reg);
	return end != NO_INSN && make_early(c, end, reg);
}

/* Note what is known behind each instruction. */
static void visit(void *context, uint32_t x, const struct state *before)
{
	struct context *c = context;
	const struct insn *i = &c->p->insns[x];
	struct state s = *before;
	uint16_t known = 0, useless = 0;

	for (unsigned k = 0; k < i->nearly; k++)
		if (s.reg[i->guard[k]].slack == 0)
			useless |= (uint16_t)(1u << k);
	effect_apply(c->p, c->f, i, c->o, &s);
	for (int r = 0; r < NREGS; r++)
		if (s.reg[r].slack != UNKNOWN)
			known |= (uint16_t)(1u << r);
	c->known[x - c->base] = known;
	c->useless[x - c->base] = useless;
}

/* An early guard may have become needless by another one; without it nothing else changes. */
static bool drop_useless(struct context *c)
{
	bool dropped = false;

	for_each_insn(c->p, c->f, i, x)
	{
		unsigned kept = 0;

		for (unsigned k = 0; k < i->nearly; k++)
			if (!(c->useless[x - c->base] >> k & 1))
				i->guard[kept++] = i->guard[k];
		dropped |= kept != i->nearly;
		i->nearly = (uint8_t)kept;
	}
	return dropped;
}

static bool place_all(struct context *c)
{
	bool placed = false;

	for_each_insn(c->p, c->f, i, x)
	{
		uint8_t guard[INSN_GUARDS], first = i->nearly, n = i->nguards;

		memcpy(guard, i->guard, sizeof(guard));
		if (i->z.attributes & ZYDIS_ATTRIB_HAS_REP)
			continue; /* with a count of 0 it accesses nothing */
		for (unsigned k = first; k < n; k++) {
			uint32_t at = before_copies(c, x, guard[k]);

			if (at != NO_INSN)
				placed |= make_early(c, at, guard[k]);
			else
				placed |= guard_lonely_path(c, x, guard[k]);
		}
	}
	return placed;
}

bool early_place(struct program *p, struct func *f, const struct options *o)
{
	struct context c = { .p = p, .f = f, .o = o, .base = UINT32_MAX };
	uint32_t end = 0;
	bool changed;

	for (uint32_t k = 0; k < f->nparts; k++) {
		const struct part *part = &p->parts[f->parts[k]];

		if (part->first < c.base)
			c.base = part->first;
		if (part->first + part->count > end)
			end = part->first + part->count;
	}
	c.known = zalloc(end - c.base, sizeof(*c.known));
	c.useless = zalloc(end - c.base, sizeof(*c.useless));
	facts_walk(p, f, o, visit, &c);
	changed = drop_useless(&c);
	changed |= place_all(&c);
	free(c.known);
	free(c.useless);
	return changed;
}
