/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an instruction leaves in the register that is its first operand. Whatever is not handled by
 * name makes it unknown: that costs a guard, never safety.
 */
#include "facts.h"
#include "live.h"

#define MASK32 ((uint64_t)UINT32_MAX)

/* An address in the upper half that is constant once the twin is loaded. */
static struct value anchored(uint64_t slack)
{
	return (struct value){ slack, UNKNOWN, false, -1 };
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
		return x; /* memory and absent operands: unknown */
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

/*
 * A write of 32 bits clears the upper ones, so the result is a number below 2^32 whatever it was
 * made of, and never a pointer. Better bounds pay where an index is made of it.
 */
static struct value result32(const struct insn *i, const struct value *old,
			     const struct source *src)
{
	uint64_t imm = (uint32_t)src->imm;

	switch (i->z.mnemonic) {
	case ZYDIS_MNEMONIC_MOVZX:
		return value_bounded(((uint64_t)1 << i->op[1].size) - 1, true);
	case ZYDIS_MNEMONIC_MOV:
		if (src->is_imm)
			return value_bounded(imm, true);
		return value_bounded(src->is_reg && fits32(&src->v) ? src->v.bound : MASK32, true);
	case ZYDIS_MNEMONIC_XOR:
	case ZYDIS_MNEMONIC_SUB:
		if (src->is_reg && i->op[0].reg.value == i->op[1].reg.value)
			return value_bounded(0, true);
		break;
	case ZYDIS_MNEMONIC_AND:
		/* Not larger than either side. */
		if (src->is_imm && src->imm >= 0)
			return value_bounded(imm, true);
		if (fits32(old))
			return value_bounded(old->bound, true);
		break;
	case ZYDIS_MNEMONIC_SHR:
		if (src->is_imm)
			return value_bounded((fits32(old) ? old->bound : MASK32) >> (imm & 31),
					     true);
		break;
	case ZYDIS_MNEMONIC_BSF: /* leave the register alone if the source is 0 */
	case ZYDIS_MNEMONIC_BSR:
		return value_top();
	default:
		break;
	}
	return value_bounded(MASK32, true);
}

/* A write of 8 or 16 bits changes the value by less than 2^16. */
static struct value result_partial(const struct insn *i, const struct value *old)
{
	ZydisRegister r = i->op[0].reg.value;
	uint64_t by = reg_width(r) == 8 && !reg_is_high_byte(r) ? 0xff : 0xffff;

	/* The upper bits stay: a pointer with another low byte is one, a little further off. */
	return (struct value){ value_add(old->slack, by), value_add(old->bound, by), old->nonneg,
			       -1 };
}

/* A sum of base, scaled index and displacement: each part adds its bound to the other's slack. */
static struct value result_lea(const struct insn *i, const struct state *s)
{
	const ZydisDecodedOperand *m = &i->op[1];
	int b = reg_number(m->mem.base), x = reg_number(m->mem.index);
	struct value zero = value_bounded(0, true);
	struct value base = b >= 0 ? s->reg[b] : zero, index = x >= 0 ? s->reg[x] : zero;
	unsigned scale = m->mem.scale ? m->mem.scale : 1;
	uint64_t d = value_magnitude(m->mem.disp.has_displacement ? m->mem.disp.value : 0);
	uint64_t scaled = value_multiply(index.bound, scale);
	uint64_t one, other = UNKNOWN;

	if (m->mem.base == ZYDIS_REGISTER_RIP)
		return anchored(0); /* module or kernel data: becomes an absolute address */
	if (b == RSP || (b == RBP && s->frame != NO_FRAME))
		return anchored(scaled); /* becomes an address on the second stack */
	if (insn_disp_reloc(i))
		return anchored(value_add(base.bound, scaled));
	/* Which of the two is the pointer, the code does not say: the better proof counts. */
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
		struct value v = value_bounded(value_magnitude(src->imm), src->imm >= 0);

		if (insn_imm_reloc(i))
			return anchored(0);
		/* Bit 47: the low 48 bits lie in the upper half, which is all that slack says. */
		if ((uint64_t)src->imm >> TWIN_GUARD_BIT & 1)
			v.slack = 0;
		return v;
	}
	if (memref_collect(i, ref) == 1 && ref[0].size == 8 &&
	    facts_stack_offset(s, &ref[0], &offset))
		return effect_slot(s, offset);
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
	if (!src->is_reg) /* a number from memory can be any */
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
		return value_bounded((uint64_t)src->imm, true);
	/* A negative mask rounds down: page_address, container heads aligned by size. */
	if (src->is_imm)
		return (struct value){ value_add(old->slack, ~(uint64_t)src->imm), bound,
				       old->nonneg, -1 };
	if (src->is_reg && src->v.nonneg && src->v.bound < bound)
		bound = src->v.bound;
	return value_bounded(bound, bound != UNKNOWN);
}

/* Shifting right bounds any value; shifting left only a bounded one. */
static struct value result_shift(const struct insn *i, const struct value *old,
				 const struct source *src)
{
	unsigned by = src->imm & 63;
	uint64_t most = by ? UINT64_MAX >> by : UNKNOWN; /* largest result of shr */

	if (!src->is_imm) /* by cl */
		return value_top();
	if (i->z.mnemonic == ZYDIS_MNEMONIC_SHL) {
		uint64_t bound = by < TWIN_SLACK_LOG2
					 ? value_multiply(old->bound, (uint64_t)1 << by)
					 : UNKNOWN;

		return value_bounded(bound, old->nonneg && bound != UNKNOWN);
	}
	if (old->bound != UNKNOWN && old->nonneg)
		return value_bounded(old->bound >> by, true);
	if (i->z.mnemonic == ZYDIS_MNEMONIC_SHR)
		return value_bounded(most, most < SLACK_LIMIT);
	return value_bounded(old->bound != UNKNOWN ? (old->bound >> by) + 1
			     : by                  ? most / 2 + 1
						   : UNKNOWN,
			     false);
}

/*
 * 64 bits: the one width at which a pointer stays a pointer. `old` is the destination before.
 */
static struct value result64(const struct insn *i, const struct state *s, const struct value *old)
{
	struct source src = source_of(i, s, 1), third = source_of(i, s, 2);
	struct value v = *old;

	switch (i->z.mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		return result_mov(i, s, &src);
	case ZYDIS_MNEMONIC_MOVZX:
		return value_bounded(((uint64_t)1 << i->op[1].size) - 1, true);
	case ZYDIS_MNEMONIC_MOVSX:
	case ZYDIS_MNEMONIC_MOVSXD:
		if (src.is_reg && i->op[1].size == 32 && src.v.nonneg && src.v.bound <= INT32_MAX)
			return value_bounded(src.v.bound, true);
		return value_bounded((uint64_t)1 << (i->op[1].size - 1), false);
	case ZYDIS_MNEMONIC_LEA:
		return result_lea(i, s);
	case ZYDIS_MNEMONIC_XOR:
	case ZYDIS_MNEMONIC_SUB:
		if (src.is_reg && i->op[0].reg.value == i->op[1].reg.value)
			return value_bounded(0, true);
		if (i->z.mnemonic == ZYDIS_MNEMONIC_XOR)
			return value_top(); /* nothing carries over a xor with another value */
		return result_add(i, old, &src);
	case ZYDIS_MNEMONIC_ADD:
		return result_add(i, old, &src);
	case ZYDIS_MNEMONIC_INC:
	case ZYDIS_MNEMONIC_DEC:
		return (struct value){ value_add(old->slack, 1), value_add(old->bound, 1), false,
				       -1 };
	case ZYDIS_MNEMONIC_NEG:
		return value_bounded(old->bound, false);
	case ZYDIS_MNEMONIC_AND:
		return result_and(old, &src);
	case ZYDIS_MNEMONIC_SHL:
	case ZYDIS_MNEMONIC_SHR:
	case ZYDIS_MNEMONIC_SAR:
		return result_shift(i, old, &src);
	case ZYDIS_MNEMONIC_IMUL:
		if (third.is_imm && src.is_reg)
			return value_bounded(
				value_multiply(src.v.bound, value_magnitude(third.imm)),
				src.v.nonneg && third.imm >= 0);
		return value_top();
	default:
		break;
	}
	/* Either value may be there behind a cmov, so only what holds for both does. */
	if (i->z.meta.category == ZYDIS_CATEGORY_CMOV && src.is_reg) {
		value_merge(&v, &src.v, false);
		return v;
	}
	return value_top();
}

/* By the width of the destination; a relocated immediate is not the number in the file. */
struct value effect_result(const struct insn *i, const struct state *s, int r)
{
	unsigned width = reg_width(i->op[0].reg.value);
	struct source src = source_of(i, s, 1);

	if (insn_imm_reloc(i) && (width < 64 || (i->z.mnemonic != ZYDIS_MNEMONIC_MOV &&
						 i->z.mnemonic != ZYDIS_MNEMONIC_ADD)))
		return width == 32 ? value_bounded(MASK32, true)
				   : value_top(); /* not the 0 in the file */
	if (width < 32)
		return result_partial(i, &s->reg[r]);
	if (width == 32)
		return result32(i, &s->reg[r], &src);
	return result64(i, s, &s->reg[r]);
}
