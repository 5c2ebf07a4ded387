/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One guard is one instruction, `bts reg, 47`: in place, the identity for every valid pointer.
 * It destroys the flags. Where they are live it moves up in its block, to a point where they
 * are dead and the register has its value already; a valid program reaches the access from
 * there, so the pointer is a valid one there too. Where there is no such point, flags are saved.
 */
#include "guard.h"

#include <string.h>

#include "live.h"
#include "lookup.h"

/* Each round of early guards can make room for more; hardly ever more than this. */
#define EARLY_ROUNDS 4

struct context {
	struct program *p;
	struct func *f;
	const struct options *o;
};

/* ah and spl, ch and bpl .. share their numbers; a REX prefix makes it the latter. */
bool guard_needs_low(const struct insn *i)
{
	for (unsigned k = 0; k < i->z.operand_count; k++)
		if (i->op[k].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    reg_is_high_byte(i->op[k].reg.value))
			return true;
	return false;
}

/*
 * Not live before i means that i does not read it and that nobody after i does before it is written
 * again; i itself may be what writes it.
 */
int guard_free_register(const struct insn *i, bool low)
{
	for (int r = 0; r < (low ? R8 : NREGS); r++)
		if (r != RSP && !(i->live_in >> r & 1))
			return r;
	return -1;
}

/* A register to spill: the instruction must not touch it, nor move rsp while it is saved. */
static int spill_register(const struct insn *i)
{
	regset used = live_mentioned(i) | 1u << RSP;

	for (int r = 0; r < R8; r++)
		if (!(used >> r & 1))
			return r;
	return -1;
}

/* Two accesses of one instruction, or of two, can ask for the same guard at the same place. */
static bool guards_already(const struct insn *i, int reg)
{
	for (unsigned k = 0; k < i->nguards; k++)
		if (i->guard[k] == reg)
			return true;
	return false;
}

uint32_t guard_point(const struct program *p, uint32_t x, int reg)
{
	while (p->insns[x].flags_in) {
		/*
		 * Above a leader it would be missed by whoever jumps there; above the register's
		 * last write it would guard another value; a call may write the register, and
		 * behind a WARN execution starts again at a place of its own.
		 */
		const struct insn *before = &p->insns[x - 1];

		if (p->insns[x].leader || (live_written(before) >> reg & 1) ||
		    before->flow == FLOW_CALL || before->flow == FLOW_WARN)
			return NO_INSN;
		x--;
	}
	return x;
}

/* Flags that cannot be avoided cost two more instructions and 8 bytes of stack. */
static void add_guard(struct context *c, uint32_t x, int reg)
{
	uint32_t at = guard_point(c->p, x, reg);
	struct insn *i = &c->p->insns[at == NO_INSN ? x : at];

	if (guards_already(i, reg))
		return;
	/* The plan has a fixed size; a block that needs more of one place was never met. */
	if (i->nguards == INSN_GUARDS) {
		refuse(c->p, c->f, i, "more than %d guards meet here", INSN_GUARDS);
		return;
	}
	if (at == NO_INSN) {
		/* pushfq writes to the frame: that must be in its size, which the judge checks. */
		i->guard_flags |= (uint8_t)(1u << i->nguards);
		c->f->n.flags_saved++;
		if (i->depth + 8 > c->f->deepest)
			c->f->deepest = i->depth + 8;
	} else if (at != x) {
		c->f->n.hoisted++;
	}
	i->guard[i->nguards++] = (uint8_t)reg;
	c->f->n.guards++;
}

/*
 * The address goes into a register of its own: `lea s, [EA]`, a guard, then the access through [s].
 * Unguarded where an index into a stack object is known to be small: then s is the object.
 */
static void add_address(struct context *c, struct insn *i, bool guarded)
{
	int reg = guard_free_register(i, guard_needs_low(i)), depth = i->depth;

	i->address.needed = true;
	i->address.guarded = guarded;
	i->address.flags = guarded && i->flags_in;
	if (reg < 0) {
		reg = spill_register(i);
		i->address.spill = true;
		c->f->n.spilled++;
		depth += 8;
		/* push and pop would move rsp between; an lea has no access to carry out. */
		if (reg < 0 || i->z.mnemonic == ZYDIS_MNEMONIC_PUSH ||
		    i->z.mnemonic == ZYDIS_MNEMONIC_POP || i->z.mnemonic == ZYDIS_MNEMONIC_LEA)
			refuse(c->p, c->f, i, "no register can be freed to compute its address");
	}
	i->address.reg = (uint8_t)(reg < 0 ? 0 : reg); /* refused then */
	if (guarded) {
		c->f->n.guards++;
		c->f->n.address++;
		c->f->n.flags_saved += i->address.flags;
		depth += i->address.flags ? 8 : 0;
	}
	if (depth > c->f->deepest)
		c->f->deepest = depth;
}

/* Does [rsp+i*s+d] stay near the second stack by itself? */
static bool index_is_bounded(const struct state *s, const struct memref *ref)
{
	return value_add(value_multiply(s->reg[ref->index].bound, ref->scale),
			 value_magnitude(ref->disp) + ref->size) != UNKNOWN;
}

/* With --naive known pointers are guarded too: that measures what the analysis saves. */
static enum need decide(const struct context *c, const struct state *s, const struct memref *ref,
			int *reg)
{
	enum need need = facts_need(s, ref, reg);

	if (c->o->naive && need == NEED_NOTHING && *reg >= 0)
		return NEED_GUARD;
	return need;
}

/* Count the access, and guard it if policy and facts say so. */
static void plan_access(struct context *c, uint32_t x, const struct state *s,
			const struct memref *ref, unsigned number)
{
	struct insn *i = &c->p->insns[x];
	int reg;
	enum need need = decide(c, s, ref, &reg);

	if (ref->class == MEM_STACK_INDEX) {
		add_address(c, i, !index_is_bounded(s, ref) && facts_policy(c->o, ref));
		return;
	}
	if (reg < 0 && need == NEED_NOTHING && ref->class != MEM_TABLE)
		return; /* a constant address, or one in the frame */
	/* A read-modify-write counts once. */
	c->f->n.loads += ref->read;
	c->f->n.stores += ref->write && !ref->read;
	if (need == NEED_NOTHING || !facts_policy(c->o, ref))
		c->f->n.removed += need == NEED_NOTHING;
	else if (need == NEED_GUARD)
		add_guard(c, x, reg);
	else if (number > 0) /* the plan has room for one computed address */
		refuse(c->p, c->f, i, "two operands whose addresses must be computed");
	else
		add_address(c, i, true);
}

static void visit(void *context, uint32_t x, const struct state *before)
{
	struct context *c = context;
	struct insn *i = &c->p->insns[x];
	struct memref ref[MEMREF_MAX];
	unsigned n = memref_collect(i, ref);
	struct state s = *before;

	/* Early guards of an earlier round are in the plan already. */
	c->f->n.guards += i->nearly;
	c->f->n.early += i->nearly;
	effect_early_guards(i, &s);
	for (unsigned k = 0; k < n; k++)
		plan_access(c, x, &s, &ref[k], k);
}

/* `lea r, [rsp+r*s+d]` needs a second register for the object's address. */
static void plan_lea(struct program *p, struct func *f, const struct options *o)
{
	struct context c = { .p = p, .f = f, .o = o };

	for_each_insn(p, f, i, x)
	{
		const ZydisDecodedOperand *m;

		if (!i->reachable || i->z.mnemonic != ZYDIS_MNEMONIC_LEA)
			continue;
		m = memref_operand(i);
		if (m->mem.base == ZYDIS_REGISTER_RSP && m->mem.index == i->op[0].reg.value)
			add_address(&c, i, false);
	}
}

/* Early guards stay, everything else is planned again. */
static void clear_plan(struct program *p, struct func *f)
{
	for_each_insn(p, f, i, x)
	{
		i->nguards = i->nearly;
		i->guard_flags = 0;
		memset(&i->address, 0, sizeof(i->address));
	}
}

void guard_plan(struct program *p, struct func *f, const struct options *o)
{
	struct context c = { .p = p, .f = f, .o = o };
	struct counts before = f->n;

	if (o->engine == TWIN_ENGINE_STLB) {
		plan_lea(p, f, o);
		lookup_plan(p, f);
		return;
	}
	/*
	 * A guard that early.c places changes the facts everywhere behind it, and with them where
	 * the next one pays: so the plan is made again until it places none.
	 */
	for (unsigned round = 0;; round++) {
		clear_plan(p, f);
		f->n = before;
		plan_lea(p, f, o);
		facts_walk(p, f, o, visit, &c);
		if (o->naive || round == EARLY_ROUNDS || !early_place(p, f, o))
			return;
	}
}
