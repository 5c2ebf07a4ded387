/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one instruction needs and does. Whatever is not named here makes its results unknown. */
#include "judge.h"

#define CALLER_SAVED 0x0fc7 /* rax rcx rdx rsi rdi r8-r11 */
#define CALLEE_SAVED 0xf028 /* rbx rbp r12-r15 */

static bool reads_dst(uint8_t op)
{
	return op != OP_MOV && op != OP_SETCC && op != OP_MOVZX && op != OP_MOVSX;
}

static bool writes_dst(uint8_t op)
{
	return op != OP_CMP && op != OP_TEST && op != OP_BT && op != OP_PUSH && op != OP_MULDIV;
}

static bool is_reg(uint8_t operand)
{
	return operand < NR_REGS;
}

static bool same_register(const struct insn *i)
{
	return is_reg(i->dst) && i->dst == i->src && i->dst_high == i->src_high;
}

/* Value of an operand in its low `size` bytes, zero-extended. */
static struct fact operand(const struct state *s, const struct insn *i, uint8_t which, bool high,
			   unsigned size, struct fact loaded)
{
	struct fact v = which == OPND_IMM   ? fact_number(i->imm, i->imm)
			: which == OPND_MEM ? loaded
			: is_reg(which)     ? s->reg[which]
					    : fact_any();

	return high ? fact_number(0, 0xff) : fact_low(v, size);
}

/* A write of 4 bytes clears the rest of the register, one of 1 or 2 leaves it. */
static void set_reg(struct state *s, uint8_t r, bool high, unsigned size, struct fact v)
{
	if (size == 8)
		s->reg[r] = v;
	else if (size == 4)
		s->reg[r] = fact_low(v, 4);
	else
		s->reg[r] = fact_blur(s->reg[r], size == 1 && !high);
}

static struct fact shifted(const struct insn *i, struct fact a)
{
	unsigned by = (unsigned)i->imm & (i->size == 8 ? 63 : 31);

	if (i->src != OPND_IMM)
		return fact_any();
	return i->op == OP_SHL   ? fact_shl(a, by)
	       : i->op == OP_SHR ? fact_shr(a, by)
				 : fact_sar(fact_sign(a, i->size), by);
}

/* Result of i for its destination, from its operands a (dst) and b (src). */
static struct fact result(const struct state *s, const struct insn *i, struct fact a, struct fact b)
{
	switch (i->op) {
	case OP_MOV:
		return b;
	case OP_ADD:
		return fact_add(a, b);
	case OP_SUB:
		return same_register(i) ? fact_number(0, 0) : fact_sub(a, b);
	case OP_AND:
		return fact_and(a, b);
	case OP_XOR:
		return same_register(i) ? fact_number(0, 0) : fact_any();
	case OP_INC:
		return fact_add(a, fact_number(1, 1));
	case OP_DEC:
		return fact_sub(a, fact_number(1, 1));
	case OP_NEG:
		return fact_sub(fact_number(0, 0), a);
	case OP_SHL:
	case OP_SHR:
	case OP_SAR:
		return shifted(i, a);
	case OP_BTS:
		if (i->size == 8 && i->src == OPND_IMM && i->imm == 47)
			return fact_pointer(0, 0);
		return fact_any();
	case OP_MOVZX:
		return fact_low(b, i->src_size);
	case OP_MOVSX:
		return fact_sign(b, i->src_size);
	case OP_CMOV:
		fact_join(&a, b, false);
		return a;
	case OP_IMUL:
	case OP_IMUL3:
		return fact_mul(b, i->op == OP_IMUL ? a : fact_number(i->imm, i->imm));
	case OP_LEA:
		return access_address(s, &i->mem);
	default:
		return fact_any();
	}
}

/* Registers that an instruction changes besides its destination. */
static void implicit_results(struct state *s, const struct insn *i, struct fact old_dst)
{
	switch (i->op) {
	case OP_MULDIV: /* of one byte: ax alone */
		set_reg(s, RAX, false, i->size == 1 ? 2 : i->size, fact_any());
		if (i->size > 1)
			set_reg(s, RDX, false, i->size, fact_any());
		break;
	case OP_CONVERT:
		set_reg(s, RAX, false, i->size, fact_sign(s->reg[RAX], i->size / 2));
		break;
	case OP_EXTEND:
		set_reg(s, RDX, false, i->size, i->size == 8 ? fact_number(-1, 0) : fact_any());
		break;
	case OP_XCHG:
	case OP_XADD:
		set_reg(s, i->src, i->src_high, i->size, old_dst);
		break;
	case OP_CMPXCHG: /* 4 bytes: cleared above only if the comparison failed */
		s->reg[RAX] = fact_any();
		break;
	default:
		break;
	}
}

/* No byte register of the old kind has the number of rsp: ah .. bh have those of rax .. rbx. */
static bool check_rsp_use(struct judge *j, const struct insn *i, uint32_t offset)
{
	if (i->src == RSP || (i->dst == RSP && !writes_dst(i->op)))
		return waived(RSP_READ, offset, "stack pointer used as a value");
	return i->dst != RSP ||
	       waived(RSP_WRITE, offset, "stack pointer changed other than by a constant");
}

/* add|sub rsp, imm and lea rsp, [rsp+d]. */
static bool moves_rsp(const struct insn *i, int64_t *by)
{
	if (i->dst != RSP || i->size != 8)
		return false;
	if ((i->op == OP_ADD || i->op == OP_SUB) && i->src == OPND_IMM) {
		*by = i->op == OP_SUB ? i->imm : -i->imm;
		return true;
	}
	if (i->op == OP_LEA && i->mem.base == RSP && i->mem.index == OPND_NONE) {
		*by = -(int64_t)i->mem.disp;
		return true;
	}
	return false;
}

/* lea r, [rsp+x+d] with x the distance of the second stack: an address on that stack. */
static bool second_stack_address(struct judge *j, struct state *s, const struct insn *i,
				 uint32_t offset)
{
	const struct mem_operand *m = &i->mem;
	struct fact x;

	if (m->index == OPND_NONE) {
		s->reg[i->dst] = fact_any();
		return waived(RSP_READ, offset, "address of a stack object taken");
	}
	x = s->reg[m->index];
	s->reg[i->dst] = fact_pointer(m->disp, m->disp);
	return (i->size == 8 && m->scale == 1 && x.kind == FACT_NUMBER && x.lo == x.hi &&
		(uint64_t)x.lo == j->in->second_stack) ||
	       waived(SECOND_STACK, offset, "not formed by the exact distance");
}

static bool step_push(struct judge *j, struct state *s, const struct insn *i, uint32_t offset)
{
	struct fact v = fact_any();

	if (i->dst == OPND_MEM && !access_check(j, s, i, offset, 8, true, false, &v))
		return false;
	if (is_reg(i->dst))
		v = s->reg[i->dst];
	if (!frame_set_depth(j, s, offset, (int64_t)s->depth + 8))
		return false;
	frame_store(j, s, 0, 8, v);
	return true;
}

static bool step_pop(struct judge *j, struct state *s, const struct insn *i, uint32_t offset)
{
	struct insn top = { .op = OP_MOV, .dst = i->dst, .src = OPND_MEM, .size = 8 };
	struct fact v;

	if (s->depth < 8) /* would read the return address */
		return frame_set_depth(j, s, offset, (int64_t)s->depth - 8);
	top.mem.base = RSP;
	top.mem.index = OPND_NONE;
	if (!access_check(j, s, &top, offset, 8, true, false, &v))
		return false;
	s->reg[i->dst] = v;
	return frame_set_depth(j, s, offset, (int64_t)s->depth - 8);
}

/* Upward from a legal address (DF is 0, std is not listed) the first hole stops it. */
static bool step_string(struct judge *j, struct state *s, const struct insn *i, uint32_t offset)
{
	bool ok = fact_accessible(s->reg[RDI], i->size);

	if (j->in->lookups) /* one page is all that a lookup finds */
		return waived(LOOKUP, offset, "string operation");
	if (i->op == OP_MOVS) {
		ok = ok && fact_accessible(s->reg[RSI], i->size);
		s->reg[RSI] = fact_any();
	}
	s->reg[RDI] = fact_any();
	s->reg[RCX] = fact_number(0, 0);
	return ok || waived(STRING, offset, "string operation starts at an unproved address");
}

/* The common case: dst = f(dst, src), either of which may be in memory. */
static bool step_compute(struct judge *j, struct state *s, const struct insn *i, uint32_t offset)
{
	bool to_memory = i->dst == OPND_MEM, from_memory = i->src == OPND_MEM && i->op != OP_LEA;
	struct fact loaded = fact_any(), a, b, v;

	if ((to_memory || from_memory) &&
	    !access_check(j, s, i, offset, to_memory ? i->size : i->src_size,
			  from_memory || reads_dst(i->op), to_memory && writes_dst(i->op), &loaded))
		return false;
	a = operand(s, i, i->dst, i->dst_high, i->size, loaded);
	b = operand(s, i, i->src, i->src_high, i->src_size, loaded);
	if (i->op == OP_MOV && i->size == 8 && is_reg(i->src))
		b = s->reg[i->src]; /* still the entry value, if it was */
	if (i->op == OP_MOV && i->size == 8 && from_memory)
		b = loaded;
	v = result(s, i, a, b);
	if (i->op == OP_XCHG)
		v = b;
	implicit_results(s, i, a);
	if (to_memory && writes_dst(i->op)) {
		if (i->mem.base == RSP && !i->mem.seg && i->mem.disp >= 0)
			frame_store(j, s, i->mem.disp, i->size, v);
		return true;
	}
	if (!is_reg(i->dst) || !writes_dst(i->op))
		return true;
	if (i->op == OP_SCAN || i->op == OP_CMPXCHG)
		s->reg[i->dst] = fact_any();
	else
		set_reg(s, i->dst, i->dst_high, i->size, v);
	return true;
}

bool step_insn(struct judge *j, struct state *s, const struct insn *i, uint32_t offset)
{
	int64_t by;

	if (moves_rsp(i, &by))
		return frame_set_depth(j, s, offset, (int64_t)s->depth + by);
	if (!check_rsp_use(j, i, offset))
		return false;
	switch (i->op) {
	case OP_NONE:
	case OP_NOP:
		return true;
	case OP_PUSH:
		return step_push(j, s, i, offset);
	case OP_POP:
		return step_pop(j, s, i, offset);
	case OP_GUARD:
		s->reg[i->dst] = fact_pointer(0, 0);
		return frame_note(j, s, offset, 8); /* pushfq */
	case OP_LOOKUP:
		s->reg[i->dst] = s->reg[i->src] = s->reg[i->mem.base] = fact_any();
		j->looked_up = offset + i->len;
		j->looked_up_reg = i->dst;
		return frame_note(j, s, offset, i->size);
	case OP_MOVS:
	case OP_STOS:
		return step_string(j, s, i, offset);
	case OP_LEA:
		if (i->mem.base == RSP)
			return second_stack_address(j, s, i, offset);
		return step_compute(j, s, i, offset);
	default:
		return step_compute(j, s, i, offset);
	}
}

bool step_exit(struct judge *j, const struct state *s, uint32_t offset)
{
	if (s->depth &&
	    !waived(EXIT_DEPTH, offset, "function left with its frame still on the stack"))
		return false;
	for (unsigned r = 0; r < NR_REGS; r++)
		if (CALLEE_SAVED >> r & 1 && s->reg[r].origin != r + 1)
			return waived(SAVED, offset, "callee-saved register not restored");
	return true;
}

void step_call(const struct judge *j, struct state *s, bool inside, uint32_t stack_args)
{
	for (unsigned r = 0; r < NR_REGS; r++) {
		uint8_t origin = s->reg[r].origin;

		if (CALLER_SAVED >> r & 1) {
			s->reg[r] = fact_any();
		} else if (inside && j->in->strict) { /* restored from the callee's stack slots */
			s->reg[r] = fact_any();
			s->reg[r].origin = origin;
		}
	}
	for (uint32_t n = 0; n + 8 <= stack_args && n + 8 <= s->depth; n += 8)
		frame_store(j, s, (int32_t)n, 8, fact_any());
}
