/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stack discipline and the split of frames: see stack.h. */
#include "stack.h"

#include <limits.h>

#include "live.h"

#define RETURN_BYTES    8
#define ARGUMENTS_BYTES 128 /* as many bytes of stack arguments may be read */

struct context {
	struct program *p;
	struct func *f;
	int low;   /* lowest entry offset whose address is taken; INT_MAX if none */
	int saved; /* lowest entry offset of a saved callee-saved register */
};

/* The first operand, if it is a general register; -1 for a memory operand or none. */
static int first_register(const struct insn *i)
{
	return i->z.operand_count_visible && i->op[0].type == ZYDIS_OPERAND_TYPE_REGISTER
		       ? reg_number(i->op[0].reg.value)
		       : -1;
}

static bool is_register(const struct insn *i, unsigned k, ZydisRegister r)
{
	return k < i->z.operand_count_visible && i->op[k].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       i->op[k].reg.value == r;
}

/*
 * The second stack's part of a frame goes from the lowest object whose address is taken up to the
 * saved registers: how long the object is, the code does not say.
 */
enum stack_use stack_place(const struct func *f, int offset)
{
	return f->second && offset >= f->second_low && offset < f->second_high ? STACK_SECOND
									       : STACK_SAFE;
}

bool stack_address(const struct insn *i, int *offset)
{
	/* lea rsp, [..] moves the stack instead: that is refused as a depth that is not known. */
	if (i->z.mnemonic == ZYDIS_MNEMONIC_LEA && first_register(i) != RSP) {
		const ZydisDecodedOperandMem *m = &i->op[1].mem;
		int disp = m->disp.has_displacement ? (int)m->disp.value : 0;

		if (m->base == ZYDIS_REGISTER_RSP)
			*offset = disp - i->depth;
		else if (m->base == ZYDIS_REGISTER_RBP && i->frame != NO_FRAME)
			*offset = disp - i->frame;
		else
			return false;
		return true;
	}
	/* mov r, rsp: gcc's way to name the object at the end of the frame. */
	if (i->z.mnemonic == ZYDIS_MNEMONIC_MOV && is_register(i, 1, ZYDIS_REGISTER_RSP) &&
	    first_register(i) >= 0 && !i->sets_frame) {
		*offset = -i->depth;
		return true;
	}
	return false;
}

/*
 * rsp may occur only as the base of an address and where its depth can be followed. As a value it
 * would be an address of the hv's stack in the hands of derived code.
 */
static void check_rsp_operands(struct context *c, struct insn *i)
{
	bool follows = i->z.mnemonic == ZYDIS_MNEMONIC_ADD || i->z.mnemonic == ZYDIS_MNEMONIC_SUB;
	int offset;

	if (stack_address(i, &offset) || i->sets_frame)
		return;
	for (unsigned k = 0; k < i->z.operand_count_visible; k++) {
		if (is_register(i, k, ZYDIS_REGISTER_RSP) && !(k == 0 && follows))
			refuse(c->p, c->f, i, "rsp is used as a value");
		if (i->frame != NO_FRAME && is_register(i, k, ZYDIS_REGISTER_RBP) &&
		    i->z.mnemonic != ZYDIS_MNEMONIC_POP)
			refuse(c->p, c->f, i, "the frame pointer is used as a value");
	}
}

/* With a frame pointer, rbp may only be the base of [rbp+d]: that becomes [rsp+d']. */
static void check_frame_operands(struct context *c, struct insn *i)
{
	const ZydisDecodedOperand *m = memref_operand(i);

	if (i->frame == NO_FRAME || !m)
		return;
	if (reg_number(m->mem.index) == RBP ||
	    (reg_number(m->mem.base) == RBP && m->mem.index != ZYDIS_REGISTER_NONE))
		refuse(c->p, c->f, i, "the frame pointer with an index");
}

/*
 * A ret, or a jump to another function: both must leave everything as they found it. The facts of
 * every caller rest on that, and the judge proves it again.
 */
static void check_exit(struct context *c, struct insn *i, const struct state *s)
{
	bool leaves = i->flow == FLOW_RET || i->flow == FLOW_TAIL ||
		      ((i->flow == FLOW_JUMP || i->flow == FLOW_COND) && i->target != NO_INSN &&
		       insn_func(c->p, &c->p->insns[i->target]) != c->f);

	if (!leaves)
		return;
	if (s->depth != 0)
		refuse(c->p, c->f, i, "leaves the function with %d bytes on the stack", s->depth);
	for (int r = 0; r < NREGS; r++)
		if ((CALLEE_SAVED >> r & 1) && s->reg[r].origin != r)
			refuse(c->p, c->f, i,
			       "leaves the function with a callee-saved register "
			       "(number %d) changed",
			       r);
}

/* `lock add dword [rsp-4], 0` is Linux's smp_mb(): it only touches what it names. */
static bool is_barrier(const struct insn *i, const struct memref *ref, int offset)
{
	return (i->z.attributes & ZYDIS_ATTRIB_HAS_LOCK) && ref->class == MEM_STACK &&
	       ref->size == 4 && offset == -i->depth - 4;
}

static void check_access(struct context *c, struct insn *i, const struct memref *ref, int offset)
{
	int end = offset + (int)ref->size;

	if (is_barrier(i, ref, offset))
		return;
	/* No red zone: an interrupt on this stack, or a guard's push, would overwrite it. */
	if (offset < -i->depth)
		refuse(c->p, c->f, i, "accesses the stack below rsp");
	else if (offset < RETURN_BYTES && end > 0)
		refuse(c->p, c->f, i, "accesses its return address");
	else if (end > RETURN_BYTES + ARGUMENTS_BYTES)
		refuse(c->p, c->f, i, "accesses its caller's frame");
	/* The ABI lets it, but the caller's facts about its own frame do not. */
	else if (offset >= RETURN_BYTES && ref->write)
		refuse(c->p, c->f, i, "writes one of its stack arguments");
}

static void check_accesses(struct context *c, struct insn *i, const struct state *s)
{
	struct memref ref[MEMREF_MAX];
	unsigned n = memref_collect(i, ref);
	int offset;

	for (unsigned k = 0; k < n; k++) {
		if (ref[k].class == MEM_ODD)
			refuse(c->p, c->f, i, "memory operand of an unknown kind");
		else if (facts_stack_offset(s, &ref[k], &offset))
			check_access(c, i, &ref[k], offset);
		/* An array: its index is not known, so it must not lie on the hv's stack. */
		else if (ref[k].class == MEM_STACK_INDEX && -i->depth + (int)ref[k].disp < c->low)
			c->low = -i->depth + (int)ref[k].disp;
	}
}

/* Deepest place, and where the saved registers lie: locals are below them. */
static void note_depth(struct context *c, struct insn *i, const struct state *s)
{
	int depth = s->depth, r = first_register(i);

	if (i->flow == FLOW_CALL) /* its return address is part of this frame's size */
		depth += RETURN_BYTES;
	if (i->z.mnemonic == ZYDIS_MNEMONIC_PUSH) {
		depth += 8;
		if (r >= 0 && (CALLEE_SAVED >> r & 1) && s->reg[r].origin == r && -depth < c->saved)
			c->saved = -depth;
	}
	if (depth > c->f->deepest)
		c->f->deepest = depth;
}

/* All checks of one instruction; the first reason is kept. */
static void visit(void *context, uint32_t x, const struct state *s)
{
	struct context *c = context;
	struct insn *i = &c->p->insns[x];
	int offset;

	i->depth = s->depth;
	i->frame = s->frame;
	i->sets_frame = effect_sets_frame(i, s);
	/* Nothing below means anything without a depth. */
	if (s->depth == DEPTH_UNKNOWN) {
		refuse(c->p, c->f, i, "the depth of the stack is not a constant here");
		return;
	}
	note_depth(c, i, s);
	check_rsp_operands(c, i);
	check_frame_operands(c, i);
	check_exit(c, i, s);
	check_accesses(c, i, s);
	if (!stack_address(i, &offset))
		return;
	if (offset >= 0)
		refuse(c->p, c->f, i, "takes the address of a stack argument");
	if (offset < c->low)
		c->low = offset;
}

/* No operand may lie partly on the one and partly on the other stack. */
static void check_split(struct program *p, struct func *f)
{
	for_each_insn(p, f, i, x)
	{
		struct memref ref[MEMREF_MAX];
		unsigned n = i->reachable ? memref_collect(i, ref) : 0;
		struct state s = { .depth = i->depth, .frame = i->frame };
		int offset;

		for (unsigned k = 0; k < n; k++)
			if (facts_stack_offset(&s, &ref[k], &offset) &&
			    !is_barrier(i, &ref[k], offset) &&
			    stack_place(f, offset) != stack_place(f, offset + (int)ref[k].size - 1))
				refuse(p, f, i,
				       "operand across the end of the second stack's part");
	}
}

/* Words that a call site pushes for its callee: counted back to the last call or label. */
static uint8_t pushed_words(const struct program *p, const struct func *f, uint32_t x)
{
	uint8_t n = 0;

	while (!p->insns[x].leader && n < ARGUMENTS_BYTES / 8) {
		const struct insn *i = &p->insns[--x];

		if (i->flow == FLOW_CALL)
			break;
		if (i->z.mnemonic == ZYDIS_MNEMONIC_PUSH && -i->depth - 8 < f->saved_low)
			n++;
	}
	return n;
}

void stack_analyse(struct program *p, struct func *f)
{
	/* The level with the most guards: a guard may change the register it is for. */
	static const struct options strict = { .level = TWIN_FACTS_STRICT,
					       .guard_loads = true,
					       .guard_stores = true };
	struct context c = { .p = p, .f = f, .low = INT_MAX, .saved = 0 };

	facts_walk(p, f, &strict, visit, &c);
	f->saved_low = c.saved;
	for_each_insn(p, f, i, x) if (i->reachable && i->varargs) i->stack_words =
		pushed_words(p, f, x);
	if (c.low == INT_MAX || f->refusal)
		return; /* most functions: all of the frame stays on the hv's stack */
	f->second = true;
	f->second_low = c.low;
	f->second_high = c.saved;
	if (c.low >= c.saved)
		refuse(p, f, NULL, "its stack objects lie among its saved registers");
	check_split(p, f);
}
