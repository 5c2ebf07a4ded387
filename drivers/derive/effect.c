/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transfer function of the must-analysis: what an instruction, with the guards it needs,
 * does to what is known. Whatever is not handled by name makes its results unknown.
 */
#include "facts.h"
#include "live.h"

#define MASK32 ((uint64_t)UINT32_MAX)

static struct value bounded(uint64_t bound, bool nonneg)
{
	return (struct value){ UNKNOWN, bound < SLACK_LIMIT ? bound : UNKNOWN, nonneg, -1 };
}

/* An address in the upper half that is constant once the twin is loaded. */
static struct value anchored(uint64_t slack)
{
	return (struct value){ slack, UNKNOWN, false, -1 };
}

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
	s->slot[k] = v;
}

/* What lies below rsp is gone: a call, or a guard that saves something, may write there. */
static void forget_below(struct state *s, int depth)
{
	for (int k = 0; k < SLOTS; k++)
		if (8 * (k + 1) > depth)
			s->slot[k] = value_top();
}

static struct value load_slot(const struct state *s, int offset)
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

		if (need == NEED_GUARD && facts_policy(o, &ref[k])) {
			s->reg[reg].slack = 0;
			s->reg[reg].origin = -1; /* a bad pointer would be changed */
			continue;
		}
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
			return true;
		s->depth += 8;
		store_slot(f, o, s, -s->depth, r >= 0 ? s->reg[r] : value_top());
		return true;
	}
	if (i->z.mnemonic == ZYDIS_MNEMONIC_POP) {
		if (s->depth == DEPTH_UNKNOWN)
			return true;
		if (r == RSP)
			s->depth = DEPTH_UNKNOWN;
		else if (r >= 0)
			s->reg[r] = load_slot(s, -s->depth);
		if (r == RBP)
			s->frame = NO_FRAME;
		s->depth -= 8;
		forget_below(s, s->depth);
		return true;
	}
	if (i->z.mnemonic == ZYDIS_MNEMONIC_LEAVE) {
		s->depth = s->frame; /* DEPTH_UNKNOWN if rbp is no frame pointer */
		if (s->depth != DEPTH_UNKNOWN) {
			s->reg[RBP] = load_slot(s, -s->depth);
			s->depth -= 8;
			forget_below(s, s->depth);
		}
		s->frame = NO_FRAME;
		return true;
	}
	return false;
}

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
		if (s->depth < 0)
			s->depth = DEPTH_UNKNOWN;
		forget_below(s, s->depth);
		return true;
	}
	s->depth = DEPTH_UNKNOWN;
	return true;
}

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
		else
			forget_slots(s, offset, (int)ref[k].size);
	}
}

/* Value of the second operand, if it is a register, and its immediate, if it is one. */
struct source {
	struct value v;
	bool is_reg, is_imm;
	int64_t imm;
};

/* The operand as a value: only registers and immediates have one here. */
static struct source source_of(const struct insn *i, const struct state *s, unsigned k)
{
	struct source x = { .v = value_top() };

	if (k >= i->z.operand_count_visible)
		return x;
	if (i->op[k].type == ZYDIS_OPERAND_TYPE_REGISTER && reg_number(i->op[k].reg.value) >= 0) {
		x.is_reg = true;
		x.v = s->reg[reg_number(i->op[k].reg.value)];
	} else if (i->op[k].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		x.is_imm = true;
		x.imm = i->op[k].imm.value.s;
	}
	return x;
}

/* Does truncating to 32 bits keep the value? */
static bool fits32(const struct value *v)
{
	return v->nonneg && v->bound <= MASK32;
}

/* A write of 32 bits clears the upper ones. */
static struct value result32(const struct insn *i, const struct value *old,
			     const struct source *src)
{
	uint64_t imm = (uint32_t)src->imm;

	switch (i->z.mnemonic) {
	case ZYDIS_MNEMONIC_MOVZX:
		return bounded(((uint64_t)1 << i->op[1].size) - 1, true);
	case ZYDIS_MNEMONIC_MOV:
		if (src->is_imm)
			return bounded(imm, true);
		return bounded(src->is_reg && fits32(&src->v) ? src->v.bound : MASK32, true);
	case ZYDIS_MNEMONIC_XOR:
	case ZYDIS_MNEMONIC_SUB:
		if (src->is_reg && i->op[0].reg.value == i->op[1].reg.value)
			return bounded(0, true);
		break;
	case ZYDIS_MNEMONIC_AND:
		if (src->is_imm && src->imm >= 0)
			return bounded(imm, true);
		if (fits32(old))
			return bounded(old->bound, true);
		break;
	case ZYDIS_MNEMONIC_SHR:
		if (src->is_imm)
			return bounded((fits32(old) ? old->bound : MASK32) >> (imm & 31), true);
		break;
	case ZYDIS_MNEMONIC_BSF: /* leave the register alone if the source is 0 */
	case ZYDIS_MNEMONIC_BSR:
		return value_top();
	default:
		break;
	}
	return bounded(MASK32, true);
}

/* A write of 8 or 16 bits changes the value by less than 2^16. */
static struct value result_partial(const struct insn *i, const struct value *old)
{
	ZydisRegister r = i->op[0].reg.value;
	uint64_t by = reg_width(r) == 8 && !reg_is_high_byte(r) ? 0xff : 0xffff;

	return (struct value){ value_add(old->slack, by), value_add(old->bound, by), old->nonneg,
			       -1 };
}

/* A sum of base, scaled index and displacement: each part adds its bound to the other's slack. */
static struct value result_lea(const struct insn *i, const struct state *s)
{
	const ZydisDecodedOperand *m = &i->op[1];
	int b = reg_number(m->mem.base), x = reg_number(m->mem.index);
	struct value zero = bounded(0, true);
	struct value base = b >= 0 ? s->reg[b] : zero, index = x >= 0 ? s->reg[x] : zero;
	unsigned scale = m->mem.scale ? m->mem.scale : 1;
	uint64_t d = value_magnitude(m->mem.disp.has_displacement ? m->mem.disp.value : 0);
	uint64_t scaled = value_multiply(index.bound, scale);
	uint64_t one, other = UNKNOWN;

	if (m->mem.base == ZYDIS_REGISTER_RIP)
		return anchored(0);
	if (b == RSP || (b == RBP && s->frame != NO_FRAME))
		return anchored(scaled); /* becomes an address on the second stack */
	if (insn_disp_reloc(i))
		return anchored(value_add(base.bound, scaled));
	one = value_add(value_add(base.slack, scaled), d);
	if (scale == 1 && x >= 0)
		other = value_add(value_add(index.slack, base.bound), d);
	return (struct value){ one < other ? one : other,
			       value_add(value_add(base.bound, scaled), d),
			       base.nonneg && index.nonneg &&
				       (!m->mem.disp.has_displacement || m->mem.disp.value >= 0),
			       -1 };
}

/* Copies carry everything, the origin too: that is how restored registers are recognised. */
static struct value result_mov(const struct insn *i, const struct state *s,
			       const struct source *src)
{
	struct memref ref[MEMREF_MAX];
	int offset;

	if (src->is_reg && i->op[1].reg.value == ZYDIS_REGISTER_RSP)
		return anchored(0); /* becomes an address on the second stack */
	if (src->is_reg)
		return src->v;
	if (src->is_imm) {
		struct value v = bounded(value_magnitude(src->imm), src->imm >= 0);

		if (insn_imm_reloc(i))
			return anchored(0);
		if ((uint64_t)src->imm >> TWIN_GUARD_BIT & 1)
			v.slack = 0;
		return v;
	}
	if (memref_collect(i, ref) == 1 && ref[0].size == 8 &&
	    facts_stack_offset(s, &ref[0], &offset))
		return load_slot(s, offset);
	return value_top();
}

/* Either operand may be the pointer; a difference of pointers is only bounded by bounds. */
static struct value result_add(const struct insn *i, const struct value *old,
			       const struct source *src)
{
	bool add = i->z.mnemonic == ZYDIS_MNEMONIC_ADD;
	uint64_t far, slack;

	if (src->is_imm && insn_imm_reloc(i))
		return anchored(old->bound);
	if (src->is_imm) {
		far = value_magnitude(src->imm);
		return (struct value){ value_add(old->slack, far), value_add(old->bound, far),
				       old->nonneg && add && src->imm >= 0, -1 };
	}
	if (!src->is_reg)
		return value_top();
	slack = value_add(old->slack, src->v.bound);
	if (add && value_add(src->v.slack, old->bound) < slack)
		slack = value_add(src->v.slack, old->bound);
	return (struct value){ slack, value_add(old->bound, src->v.bound),
			       add && old->nonneg && src->v.nonneg, -1 };
}

/* Clearing low bits moves a pointer down by less than the mask's complement. */
static struct value result_and(const struct value *old, const struct source *src)
{
	uint64_t bound = old->nonneg ? old->bound : UNKNOWN;

	if (src->is_imm && src->imm >= 0)
		return bounded((uint64_t)src->imm, true);
	if (src->is_imm)
		return (struct value){ value_add(old->slack, ~(uint64_t)src->imm), bound,
				       old->nonneg, -1 };
	if (src->is_reg && src->v.nonneg && src->v.bound < bound)
		bound = src->v.bound;
	return bounded(bound, bound != UNKNOWN);
}

/* Shifting right bounds any value; shifting left only a bounded one. */
static struct value result_shift(const struct insn *i, const struct value *old,
				 const struct source *src)
{
	unsigned by = src->imm & 63;
	uint64_t most = by ? UINT64_MAX >> by : UNKNOWN; /* largest result of shr */

	if (!src->is_imm)
		return value_top();
	if (i->z.mnemonic == ZYDIS_MNEMONIC_SHL) {
		uint64_t bound = by < TWIN_SLACK_LOG2
					 ? value_multiply(old->bound, (uint64_t)1 << by)
					 : UNKNOWN;

		return bounded(bound, old->nonneg && bound != UNKNOWN);
	}
	if (old->bound != UNKNOWN && old->nonneg)
		return bounded(old->bound >> by, true);
	if (i->z.mnemonic == ZYDIS_MNEMONIC_SHR)
		return bounded(most, most < SLACK_LIMIT);
	return bounded(old->bound != UNKNOWN ? (old->bound >> by) + 1
		       : by                  ? most / 2 + 1
					     : UNKNOWN,
		       false);
}

static struct value result64(const struct insn *i, const struct state *s, const struct value *old)
{
	struct source src = source_of(i, s, 1), third = source_of(i, s, 2);
	struct value v = *old;

	switch (i->z.mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		return result_mov(i, s, &src);
	case ZYDIS_MNEMONIC_MOVZX:
		return bounded(((uint64_t)1 << i->op[1].size) - 1, true);
	case ZYDIS_MNEMONIC_MOVSX:
	case ZYDIS_MNEMONIC_MOVSXD:
		if (src.is_reg && i->op[1].size == 32 && src.v.nonneg && src.v.bound <= INT32_MAX)
			return bounded(src.v.bound, true);
		return bounded((uint64_t)1 << (i->op[1].size - 1), false);
	case ZYDIS_MNEMONIC_LEA:
		return result_lea(i, s);
	case ZYDIS_MNEMONIC_XOR:
	case ZYDIS_MNEMONIC_SUB:
		if (src.is_reg && i->op[0].reg.value == i->op[1].reg.value)
			return bounded(0, true);
		if (i->z.mnemonic == ZYDIS_MNEMONIC_XOR)
			return value_top();
		return result_add(i, old, &src);
	case ZYDIS_MNEMONIC_ADD:
		return result_add(i, old, &src);
	case ZYDIS_MNEMONIC_INC:
	case ZYDIS_MNEMONIC_DEC:
		return (struct value){ value_add(old->slack, 1), value_add(old->bound, 1), false,
				       -1 };
	case ZYDIS_MNEMONIC_NEG:
		return bounded(old->bound, false);
	case ZYDIS_MNEMONIC_AND:
		return result_and(old, &src);
	case ZYDIS_MNEMONIC_SHL:
	case ZYDIS_MNEMONIC_SHR:
	case ZYDIS_MNEMONIC_SAR:
		return result_shift(i, old, &src);
	case ZYDIS_MNEMONIC_IMUL:
		if (third.is_imm && src.is_reg)
			return bounded(value_multiply(src.v.bound, value_magnitude(third.imm)),
				       src.v.nonneg && third.imm >= 0);
		return value_top();
	default:
		break;
	}
	if (i->z.meta.category == ZYDIS_CATEGORY_CMOV && src.is_reg) {
		value_merge(&v, &src.v, false);
		return v;
	}
	return value_top();
}

static struct value result_of(const struct insn *i, const struct state *s, int r)
{
	unsigned width = reg_width(i->op[0].reg.value);
	struct source src = source_of(i, s, 1);

	if (insn_imm_reloc(i) && (width < 64 || (i->z.mnemonic != ZYDIS_MNEMONIC_MOV &&
						 i->z.mnemonic != ZYDIS_MNEMONIC_ADD)))
		return width == 32 ? bounded(MASK32, true)
				   : value_top(); /* not the 0 in the file */
	if (width < 32)
		return result_partial(i, &s->reg[r]);
	if (width == 32)
		return result32(i, &s->reg[r], &src);
	return result64(i, s, &s->reg[r]);
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
			continue;
		s->reg[r] = value_top();
		if (i->z.mnemonic == ZYDIS_MNEMONIC_CDQE)
			s->reg[r] = bounded((uint64_t)1 << 31, false);
		else if (reg_width(op->reg.value) == 32 &&
			 !(op->actions & ZYDIS_OPERAND_ACTION_CONDWRITE))
			s->reg[r] = bounded(MASK32, true);
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
	if (i->flow == FLOW_DROP)
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
	if (r >= 0)
		result = result_of(i, s, r);
	apply_stack_stores(f, i, o, s);
	apply_other_results(i, s);
	if (r >= 0 && r != RSP) {
		s->reg[r] = result;
		if (r == RBP)
			s->frame = NO_FRAME;
	}
}
