/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operands on the two stacks. Objects whose address is taken are reached by fs:[rsp+d], where
 * the base of fs is the constant distance of the second stack; their address is rsp+d plus that
 * constant. rbp as a frame pointer is not kept: rsp+d reaches the same places.
 */
#include "emit.h"
#include "facts.h"
#include "stack.h"

/* rsp as it is at this instruction, also for what was [rbp+d]. */
static struct address stack_operand(struct emitter *e, int offset)
{
	return (struct address){ .base = RSP,
				 .index = -1,
				 .scale = 1,
				 .disp = offset + e->i->depth,
				 .segment = stack_place(e->f, offset) == STACK_SECOND ? PREFIX_FS
										      : 0 };
}

void emit_stack_address(struct emitter *e, int reg, int offset, int depth)
{
	struct address a = { .base = RSP, .index = reg, .scale = 1, .disp = offset + depth };
	/* 64 bits: the distance between the halves of the address space fits in no displacement. */
	struct code distance = encode_mov_imm64(reg);
	struct item *item = emit_code(e, distance, TWIN_MAP_STACK);

	item->reloc_at = distance.imm_at;
	item->reloc.type = TWIN_R_STACK64;
	emit_code(e, encode_lea(reg, a), TWIN_MAP_CHANGED);
	e->f->n.second_addresses++;
}

/* lea r, [rsp+i*s+d]: the object's address first, then the index on top. */
static void emit_indexed_address(struct emitter *e, int reg, const ZydisDecodedOperandMem *m)
{
	const struct insn *i = e->i;
	int index = reg_number(m->index);
	int base = i->address.needed ? i->address.reg : reg; /* r may be the index itself */
	struct address a = { .base = base, .index = index, .scale = m->scale ? m->scale : 1 };

	emit_stack_address(e, base, (m->disp.has_displacement ? (int)m->disp.value : 0) - i->depth,
			   i->depth);
	emit_code(e, encode_lea(reg, a), TWIN_MAP_STACK);
}

/* What was a pointer into the frame becomes one into the second stack, that the dvm can follow. */
static bool emit_address(struct emitter *e)
{
	const struct insn *i = e->i;
	int offset, reg;

	if (!stack_address(i, &offset))
		return false;
	reg = reg_number(i->op[0].reg.value);
	if (reg < 0 || i->op[0].size != 64)
		refuse(e->p, e->f, i, "part of a stack object's address");
	else if (i->z.mnemonic == ZYDIS_MNEMONIC_LEA && i->op[1].mem.index != ZYDIS_REGISTER_NONE) {
		if (i->op[1].mem.base != ZYDIS_REGISTER_RSP)
			refuse(e->p, e->f, i, "index on the frame pointer");
		else
			emit_indexed_address(e, reg, &i->op[1].mem);
	} else {
		emit_stack_address(e, reg, offset, i->depth);
	}
	return true;
}

/*
 * A push or pop whose place is part of an object on the second stack. rsp must move all the same,
 * so the hv's stack gets the value too, which the judge then finds written before it is read.
 */
static bool emit_push_pop(struct emitter *e)
{
	const struct insn *i = e->i;
	struct address second = { .base = RSP, .index = -1, .scale = 1, .segment = PREFIX_FS };
	struct address safe = { .base = RSP, .index = -1, .scale = 1 };
	bool push = i->z.mnemonic == ZYDIS_MNEMONIC_PUSH;
	int reg;

	/* The place of a push is the one below rsp, of a pop the one at rsp. */
	if ((!push && i->z.mnemonic != ZYDIS_MNEMONIC_POP) ||
	    stack_place(e->f, -i->depth - (push ? 8 : 0)) != STACK_SECOND)
		return false;
	reg = i->op[0].type == ZYDIS_OPERAND_TYPE_REGISTER ? reg_number(i->op[0].reg.value) : -1;
	e->f->n.second_operands++;
	if (push && i->op[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && !i->nrel) {
		emit_code(e, encode_copy(e->p, i, 0), TWIN_MAP_COPIED);
		emit_code(e, encode_store_imm(second, (int32_t)i->op[0].imm.value.s),
			  TWIN_MAP_STACK);
	} else if (push && reg >= 0) {
		emit_code(e, encode_copy(e->p, i, 0), TWIN_MAP_COPIED);
		emit_code(e, encode_store(second, reg), TWIN_MAP_STACK);
	} else if (reg >= 0) {
		emit_code(e, encode_load(reg, second), TWIN_MAP_STACK);
		emit_code(e, encode_store(safe, reg), TWIN_MAP_STACK);
		emit_code(e, encode_copy(e->p, i, 0), TWIN_MAP_COPIED);
	} else {
		refuse(e->p, e->f, i, "push or pop of memory in a stack object");
	}
	return true;
}

/*
 * A pop only to free room: the judge would see bytes read that perhaps nobody wrote. rsp moves
 * without it, where no flags are in use.
 */
static bool emit_dead_pop(struct emitter *e)
{
	const struct insn *i = e->i, *next = &e->p->insns[e->x + 1];
	int reg =
		i->op[0].type == ZYDIS_OPERAND_TYPE_REGISTER ? reg_number(i->op[0].reg.value) : -1;

	if (i->z.mnemonic != ZYDIS_MNEMONIC_POP || reg < 0 || (next->live_in >> reg & 1) ||
	    (CALLEE_SAVED >> reg & 1) || next->flags_in)
		return false;
	emit_code(e, encode_add_rsp(8), TWIN_MAP_CHANGED);
	return true;
}

/* leave: the frame pointer's own arithmetic, by rsp alone. */
static bool emit_leave(struct emitter *e)
{
	const struct insn *i = e->i;

	if (i->z.mnemonic != ZYDIS_MNEMONIC_LEAVE)
		return false;
	if (i->flags_in) /* add destroys them, leave does not */
		refuse(e->p, e->f, i, "leave with flags in use");
	if (i->depth != i->frame)
		emit_code(e, encode_add_rsp(i->depth - i->frame), TWIN_MAP_CHANGED);
	emit_code(e, encode_pop(RBP), TWIN_MAP_CHANGED);
	return true;
}

/* An operand in the frame that the copied bytes would not reach. */
static bool emit_operand(struct emitter *e)
{
	struct state s = { .depth = e->i->depth, .frame = e->i->frame };
	struct memref ref[MEMREF_MAX];
	unsigned n = memref_collect(e->i, ref);
	struct address a;
	int offset;

	if (n != 1 || !facts_stack_offset(&s, &ref[0], &offset))
		return false;
	a = stack_operand(e, offset);
	if (a.segment)
		e->f->n.second_operands++;
	else if (ref[0].class == MEM_STACK)
		return false; /* [rsp+d] on the hv's stack: the bytes are right as they are */
	if (e->i->z.mnemonic == ZYDIS_MNEMONIC_POP) {
		refuse(e->p, e->f, e->i, "pop into a stack object");
		return true;
	}
	struct code code = encode_with_address(e->p, e->i, a);
	struct item *item = emit_code(e, code, TWIN_MAP_CHANGED);
	const struct reloc *r = insn_imm_reloc(e->i);

	if (r && r->type == R_X86_64_32S)
		emit_reloc(e, item, code.imm_at, r, r->addend);
	else if (r)
		refuse(e->p, e->f, e->i, "address as an immediate in an unknown form");
	return true;
}

bool emit_stack(struct emitter *e)
{
	if (e->i->sets_frame)
		return true; /* nothing to do: the frame is reached by rsp */
	return emit_address(e) || emit_dead_pop(e) || emit_push_pop(e) || emit_leave(e) ||
	       emit_operand(e);
}
