/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plan of engine stlb. A lookup needs three registers: those that are free at the access, else
 * ones that the instruction does not touch, saved on the hv's stack around it. It is never moved
 * away from its access, so where flags are live they are saved too.
 */
#include "lookup.h"

#include "facts.h"
#include "guard.h"
#include "live.h"
#include "twin.h"

/* The entry is addressed by [u + displacement]: with r12 that would be another form. */
static bool suits(const struct insn *i, unsigned which, int reg)
{
	if (reg == RSP)
		return false;
	if (which == 0) /* s stands in the instruction itself */
		return reg < R8 || !guard_needs_low(i);
	return which == 1 || reg != R12;
}

/* A register for one of the three, not among `taken` nor among `banned`; -1: there is none. */
static int find_register(const struct insn *i, unsigned which, regset taken, regset banned)
{
	for (int r = 0; r < NREGS; r++)
		if (!((taken | banned) >> r & 1) && suits(i, which, r))
			return r;
	return -1;
}

static bool moves_rsp(const struct insn *i)
{
	return i->z.mnemonic == ZYDIS_MNEMONIC_PUSH || i->z.mnemonic == ZYDIS_MNEMONIC_POP;
}

/* What the instruction itself writes is free before it, but cannot be saved around it. */
static void choose_registers(struct program *p, struct func *f, struct insn *i)
{
	regset taken = 0;

	for (unsigned k = 0; k < 3; k++) {
		int reg = find_register(i, k, taken, i->live_in);

		if (reg < 0) {
			reg = find_register(i, k, taken, live_mentioned(i));
			if (reg < 0 || moves_rsp(i)) {
				refuse(p, f, i, "no register can be freed for a lookup");
				return;
			}
			i->lookup.spills |= 1u << reg;
			f->n.spilled++;
		}
		taken |= 1u << reg;
		i->lookup.reg[k] = (uint8_t)reg;
	}
}

/* The call of a miss routine, on top of what is saved, must be in the frame's size. */
static void note_depth(struct func *f, const struct insn *i)
{
	int depth = i->depth + 8 + (i->lookup.flags ? 8 : 0);

	for (int r = 0; r < NREGS; r++)
		depth += i->lookup.spills >> r & 1 ? 8 : 0;
	if (depth > f->deepest)
		f->deepest = depth;
}

static bool needs_lookup(const struct program *p, const struct insn *i, const struct memref *ref)
{
	struct state s = { .depth = i->depth, .frame = i->frame };
	const char *symbol;
	int64_t addend;
	int offset;

	return ref->class != MEM_STACK && ref->class != MEM_GS &&
	       !facts_stack_offset(&s, ref, &offset) && !gs_operand(p, i, ref, &symbol, &addend);
}

static void plan_access(struct program *p, struct func *f, struct insn *i, const struct memref *ref)
{
	if (ref->class == MEM_STRING || ref->class == MEM_ODD) {
		refuse(p, f, i,
		       ref->class == MEM_ODD ? "memory operand of an unknown kind"
					     : "string operation, with engine stlb");
		return;
	}
	i->lookup.needed = true;
	i->lookup.flags = i->flags_in;
	choose_registers(p, f, i);
	note_depth(f, i);
	f->n.loads += ref->read;
	f->n.stores += ref->write && !ref->read;
	f->n.flags_saved += i->lookup.flags;
	f->n.lookups++;
}

void lookup_plan(struct program *p, struct func *f)
{
	for_each_insn(p, f, i, x)
	{
		struct memref ref[MEMREF_MAX];
		unsigned n = i->reachable ? memref_collect(i, ref) : 0;

		for (unsigned k = 0; k < n && !f->refusal; k++)
			if (needs_lookup(p, i, &ref[k]))
				plan_access(p, f, i, &ref[k]);
	}
}
