/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transfer function of the must-analysis: what an instruction, with the guards it needs,
 * does to what is known. Whatever is not handled by name makes its results unknown.
 */
#include "facts.h"
#include "live.h"

/* Slot of an aligned 8-byte place in the frame, -1 for any other place. */
static int slot_of(int offset)
{
	int k = -offset / 8 - 1;

	return offset < 0 && offset % 8 == 0 && k < SLOTS ? k : -1;
}

/* A store of any size ends what was known of each slot it touches. */
static void forget_slots(struct state *s, int offset, int size)
{
	for (int k = 0; k < SLOTS; k++) {
		int low = -8 * (k + 1);

		if (offset < low + 8 && offset + size > low)
			s->slot[k] = value_top();
	}
}

/*
 * What may be remembered of a value that goes to the stack: its origin always, the rest only at
 * the level that allows it. What lies on the second stack can be changed by the dvm.
 */
static void store_slot(const struct func *f, const struct options *o, struct state *s, int offset,
		       struct value v)
{
	int k = slot_of(offset);

	forget_slots(s, offset, 8);
	if (k < 0 || (f->second && offset >= f->second_low && offset < f->second_high))
		return;
	if (o->level < TWIN_FACTS_SLOTS)
		v = (struct value){ UNKNOWN, UNKNOWN, false, v.origin };
	/* An unaligned or distant place just is not remembered: fewer facts, more guards. */
	s->slot[k] = v;
}

/* What lies below rsp is gone: a call, or a guard that saves something, may write there. */
static void forget_below(struct state *s, int depth)
{
	for (int k = 0; k < SLOTS; k++)
		if (8 * (k + 1) > depth)
			s->slot[k] = value_top();
}

struct value effect_slot(const struct state *s, int offset)
{
	int k = slot_of(offset);

	return k >= 0 ? s->slot[k] : value_top();
}

/* What the guards in front of the instruction, and its success, say about its pointers. */
static void apply_accesses(const struct insn *i, const struct options *o, struct state *s)
{
	struct memref ref[MEMREF_MAX];
	unsigned n = memref_collect(i, ref);

	for (unsigned k = 0; k < n; k++) {
		int reg;
		enum need need = facts_need(s, &ref[k], &reg);
		uint64_t far = value_magnitude(ref[k].disp) + ref[k].size;

		/*
		 * The guard that plan_access() will put there is part of the instruction here: both
		 * ask facts_need() of the same state, so plan and facts cannot disagree.
		 */
		if (need == NEED_GUARD && facts_policy(o, &ref[k])) {
			s->reg[reg].slack = 0;
			s->reg[reg].origin = -1; /* a bad pointer would be changed */
			continue;
		}
		/* A string operation may have had a count of 0, so its success says nothing. */
		if (need != NEED_NOTHING || reg < 0 || o->level < TWIN_FACTS_ACCESS ||
		    ref[k].class == MEM_STRING)
			continue;
		/* The access was within the limit and did not fault: it hit the upper half. */
		if (ref[k].class == MEM_BASE_INDEX)
			far = value_add(far, reg == ref[k].base
						     ? value_multiply(s->reg[ref[k].index].bound,
								      ref[k].scale)
						     : s->reg[ref[k].base].bound);
		if (far < s->reg[reg].slack)
			s->reg[reg].slack = far;
	}
}

/* A pushed value and the slot it lies in are the same fact, as for mov to the stack. */
static bool apply_push_pop(const struct func *f, const struct insn *i, const struct options *o,
			   struct state *s)
{
	int r = i->z.operand_count && i->op[0].type == ZYDIS_OPERAND_TYPE_REGISTER
			? reg_number(i->op[0].reg.value)
			: -1;

	if (i->z.mnemonic == ZYDIS_MNEMONIC_PUSH) {
		if (s->depth == DEPTH_UNKNOWN)
			return true; /* the function is refused for it */
		s->depth += 8;
		store_slot(f, o, s, -s->depth, r >= 0 ? s->reg[r] : value_top());
		return true;
	}
	if (i->z.mnemonic == ZYDIS_MNEMONIC_POP) {
		if (s->depth == DEPTH_UNKNOWN)
			return true;
		/* pop rsp: nobody knows where the stack is now. */
		if (r == RSP)
			s->depth = DEPTH_UNKNOWN;
		else if (r >= 0)
			s->reg[r] = effect_slot(s, -s->depth);
		if (r == RBP)
			s->frame = NO_FRAME;
		s->depth -= 8;
		forget_below(s, s->depth);
		return true;
	}
	if (i->z.mnemonic == ZYDIS_MNEMONIC_LEAVE) {
		s->depth = s->frame; /* DEPTH_UNKNOWN if rbp is no frame pointer */
		if (s->depth != DEPTH_UNKNOWN) {
			s->reg[RBP] = effect_slot(s, -s->depth);
			s->depth -= 8;
			forget_below(s, s->depth);
		}
		s->frame = NO_FRAME;
		return true;
	}
	return false;
}

/*
 * At depth 8 with the caller's rbp in the first slot it can only be the prologue. Anywhere else the
 * same bytes make a pointer to a stack object, which has to become one to the second stack.
 */
bool effect_sets_frame(const struct insn *i, const struct state *s)
{
	return i->z.mnemonic == ZYDIS_MNEMONIC_MOV &&
	       i->op[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       i->op[0].reg.value == ZYDIS_REGISTER_RBP &&
	       i->op[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       i->op[1].reg.value == ZYDIS_REGISTER_RSP && s->depth == 8 &&
	       s->slot[0].origin == RBP;
}

/* Instructions that write rsp, or make rbp a frame pointer. */
static bool apply_stack_pointer(const struct insn *i, struct state *s)
{
	ZydisMnemonic m = i->z.mnemonic;
	int to = i->z.operand_count_visible && i->op[0].type == ZYDIS_OPERAND_TYPE_REGISTER
			 ? reg_number(i->op[0].reg.value)
			 : -1;

	if (effect_sets_frame(i, s)) {
		/* As a value it is not tracked: stack.c refuses any use but [rbp+d]. */
		s->frame = s->depth;
		s->reg[RBP] = value_top();
		return true;
	}
	if (to != RSP || !(live_written(i) & 1u << RSP))
		return false;
	if ((m == ZYDIS_MNEMONIC_ADD || m == ZYDIS_MNEMONIC_SUB) &&
	    i->op[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && s->depth != DEPTH_UNKNOWN) {
		int64_t by = i->op[1].imm.value.s;

		s->depth += (int)(m == ZYDIS_MNEMONIC_SUB ? by : -by);
		if (s->depth < 0) /* above the return address */
			s->depth = DEPTH_UNKNOWN;
		forget_below(s, s->depth);
		return true;
	}
	s->depth = DEPTH_UNKNOWN;
	return true;
}

/*
 * Stores to the frame, by rsp or by a frame pointer. A store through any other register cannot
 * reach it: it is guarded, and the hv's stack lies in the lower half.
 */
static void apply_stack_stores(const struct func *f, const struct insn *i, const struct options *o,
			       struct state *s)
{
	struct memref ref[MEMREF_MAX];
	unsigned n = memref_collect(i, ref);
	int offset;

	for (unsigned k = 0; k < n; k++) {
		if (!ref[k].write || !facts_stack_offset(s, &ref[k], &offset))
			continue;
		if (i->z.mnemonic == ZYDIS_MNEMONIC_MOV && ref[k].size == 8 &&
		    i->op[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    reg_number(i->op[1].reg.value) >= 0)
			store_slot(f, o, s, offset, s->reg[reg_number(i->op[1].reg.value)]);
		else /* part of a slot, or a value that is in no register */
			forget_slots(s, offset, (int)ref[k].size);
	}
}

/* Registers written besides the first operand: implicit ones, xchg's and xadd's second. */
static void apply_other_results(const struct insn *i, struct state *s)
{
	for (unsigned k = 0; k < i->z.operand_count; k++) {
		const ZydisDecodedOperand *op = &i->op[k];
		int r = op->type == ZYDIS_OPERAND_TYPE_REGISTER ? reg_number(op->reg.value) : -1;

		if (r < 0 || r == RSP ||
		    !(op->actions & (ZYDIS_OPERAND_ACTION_WRITE | ZYDIS_OPERAND_ACTION_CONDWRITE)))
			continue;
		if (k == 0 && op->visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT)
			continue; /* effect_result() has it */
		s->reg[r] = value_top();
		/* Of sign extension and of 32-bit writes at least the size is known. */
		if (i->z.mnemonic == ZYDIS_MNEMONIC_CDQE)
			s->reg[r] = value_bounded((uint64_t)1 << 31, false);
		else if (reg_width(op->reg.value) == 32 &&
			 !(op->actions & ZYDIS_OPERAND_ACTION_CONDWRITE))
			s->reg[r] = value_bounded(UINT32_MAX, true);
		if (r == RBP)
			s->frame = NO_FRAME;
	}
}

/* Swaps two whole facts; narrower exchanges are left to the general case. */
static bool apply_exchange(const struct insn *i, struct state *s)
{
	int a, b;
	struct value v;

	if (i->z.mnemonic != ZYDIS_MNEMONIC_XCHG || i->op[0].type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    i->op[1].type != ZYDIS_OPERAND_TYPE_REGISTER || i->op[0].size != 64)
		return false;
	a = reg_number(i->op[0].reg.value);
	b = reg_number(i->op[1].reg.value);
	v = s->reg[a];
	s->reg[a] = s->reg[b];
	s->reg[b] = v;
	if (a == RBP || b == RBP)
		s->frame = NO_FRAME;
	return true;
}

/*
 * What a call leaves of register r. A function of the text restores callee-saved registers from
 * its stack slots, and at level strict nothing that comes from one is trusted.
 */
static void apply_call(const struct insn *i, const struct options *o, struct state *s, int r)
{
	int8_t origin = s->reg[r].origin;
	bool inside = i->target != NO_INSN || i->thunk >= 0;

	if ((CALLEE_SAVED >> r & 1) && !(inside && o->level == TWIN_FACTS_STRICT))
		return;
	s->reg[r] = value_top();
	/* That a callee restores registers is proved of each function by itself: check_exit(). */
	if (CALLEE_SAVED >> r & 1)
		s->reg[r].origin = origin;
}

/* Such a guard is part of the instruction from here on, like those that facts_need asks for. */
void effect_early_guards(const struct insn *i, struct state *s)
{
	for (unsigned k = 0; k < i->nearly; k++) {
		s->reg[i->guard[k]].slack = 0;
		s->reg[i->guard[k]].origin = -1;
	}
}

void effect_apply(const struct program *p, const struct func *f, const struct insn *i,
		  const struct options *o, struct state *s)
{
	struct value result = value_top();
	int r = -1;

	(void)p;
	if (i->flow == FLOW_DROP) /* a call of __fentry__ is not a call here */
		return;
	if (i->flow == FLOW_CALL) {
		if (i->stack_words && s->depth != DEPTH_UNKNOWN) /* the callee owns its arguments */
			forget_slots(s, -s->depth, 8 * i->stack_words);
		for (r = 0; r < NREGS; r++)
			apply_call(i, o, s, r);
		return;
	}
	effect_early_guards(i, s);
	apply_accesses(i, o, s);
	if (apply_push_pop(f, i, o, s) || apply_stack_pointer(i, s) || apply_exchange(i, s))
		return;
	if (i->z.operand_count_visible && i->op[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    (i->op[0].actions & (ZYDIS_OPERAND_ACTION_WRITE | ZYDIS_OPERAND_ACTION_CONDWRITE)) &&
	    i->op[0].visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT)
		r = reg_number(i->op[0].reg.value);
	/*
	 * All inputs are read before anything is written: the result first, then the stores of the
	 * old values, then the registers.
	 */
	if (r >= 0)
		result = effect_result(i, s, r);
	apply_stack_stores(f, i, o, s);
	apply_other_results(i, s);
	if (r >= 0 && r != RSP) {
		s->reg[r] = result;
		if (r == RBP)
			s->frame = NO_FRAME;
	}
}
