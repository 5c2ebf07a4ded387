/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory operands: what each form may name, and the bookkeeping of a function's own frame. */
#include "judge.h"

struct fact access_address(const struct state *s, const struct mem_operand *m)
{
	struct fact rest = fact_number(m->disp, m->disp);

	if (m->index != OPND_NONE) {
		struct fact index = s->reg[m->index];

		if (m->scale > 1)
			index = fact_mul(index, fact_number(m->scale, m->scale));
		rest = fact_add(index, rest);
	}
	return m->base == OPND_NONE ? rest : fact_add(s->reg[m->base], rest);
}

static int64_t reach(struct fact a)
{
	return ~a.lo > a.hi ? ~a.lo : a.hi;
}

/* Can an access through this value make it a better pointer? A constant is best as it is. */
static bool is_anchor(struct fact a)
{
	return a.kind == FACT_POINTER || (a.kind == FACT_NUMBER && a.lo < 0 && a.lo != a.hi);
}

/*
 * The access did not fault, so its address is in the upper half and the register that anchors it
 * is known as well as the rest of the sum. A processor that runs ahead has not seen that yet.
 */
static void anchor(struct state *s, const struct mem_operand *m)
{
	struct mem_operand rest = *m;
	uint8_t *part = &rest.base;
	struct fact *r, better;

	if (m->base == OPND_NONE || !is_anchor(s->reg[m->base]))
		part = &rest.index;
	if (*part == OPND_NONE || !is_anchor(s->reg[*part]) ||
	    (part == &rest.index && m->scale > 1))
		return;
	r = &s->reg[*part];
	*part = OPND_NONE;
	better = fact_sub(fact_pointer(0, 0), access_address(s, &rest));
	if (better.kind == FACT_POINTER && reach(better) < reach(*r)) {
		better.origin = r->origin;
		*r = better;
	}
}

/* Only as the last of a lookup's instructions: then it falls into the page that the table named. */
static bool looked_up_access(struct judge *j, const struct insn *i, uint32_t offset)
{
	const struct mem_operand *m = &i->mem;

	if (offset != j->looked_up || m->base != j->looked_up_reg || m->index < NR_REGS || m->disp)
		return waived(LOOKUP, offset, "not [s] behind a lookup through s");
	return !j->block[offset] || waived(LOOKUP_JUMP, offset, "a branch leads behind its lookup");
}

static bool guarded_access(struct judge *j, struct state *s, const struct insn *i, uint32_t offset,
			   unsigned size)
{
	const struct mem_operand *m = &i->mem;

	if (j->in->lookups)
		return looked_up_access(j, i, offset);
	if (m->base == OPND_NONE && m->index == OPND_NONE)
		return m->disp < 0 || waived(ABSOLUTE, offset, "constant of the lower half");
	if (!fact_accessible(access_address(s, m), size))
		return waived(GUARD, offset, "address is not proved to be in the upper half");
	if (!j->in->strict)
		anchor(s, m);
	return true;
}

/* `lock or|add dword [rsp-4], 0`: a full barrier, the one access below the stack pointer. */
static bool is_barrier(const struct insn *i)
{
	return i->lock && (i->op == OP_ADD || i->op == OP_OR) && i->src == OPND_IMM && !i->imm &&
	       i->size == 4 && i->mem.disp == -4;
}

/* Slot and bit of the byte that lies `distance` bytes below the return address (1: next to it). */
static uint32_t slot_of(uint32_t distance)
{
	return (distance - 1) / 8;
}

static uint8_t bit_of(uint32_t distance)
{
	return 1 << (7 - (distance - 1) % 8);
}

static bool is_written(const struct state *s, uint32_t distance)
{
	uint32_t k = slot_of(distance);

	return k < NR_SLOTS && s->slot[k].written & bit_of(distance);
}

static bool frame_read(struct judge *j, const struct state *s, uint32_t offset, int32_t disp,
		       unsigned size, struct fact *loaded)
{
	uint32_t top = s->depth - (uint32_t)disp;

	for (unsigned k = 0; k < size; k++)
		if (!is_written(s, top - k))
			return waived(FRAME_INIT, offset, "stack bytes never written");
	if (size == 8 && top % 8 == 0 && slot_of(top) < NR_SLOTS)
		*loaded = s->slot[slot_of(top)];
	return true;
}

void frame_store(const struct judge *j, struct state *s, int32_t disp, unsigned size, struct fact v)
{
	uint32_t top = s->depth - (uint32_t)disp;

	for (unsigned k = 0; k < size; k++) {
		uint32_t slot = slot_of(top - k);
		uint8_t written;

		if (slot >= NR_SLOTS)
			continue;
		written = s->slot[slot].written | bit_of(top - k);
		s->slot[slot] = fact_any();
		s->slot[slot].written = written;
	}
	if (size != 8 || top % 8 || slot_of(top) >= NR_SLOTS)
		return;
	if (j->in->strict) { /* a load may run ahead of the store: nothing is known of its value */
		uint8_t origin = v.origin;

		v = fact_any();
		v.origin = origin;
	}
	v.written = 0xff;
	s->slot[slot_of(top)] = v;
}

uint32_t frame_written(const struct state *s)
{
	uint32_t n = 0;

	while (n < MAX_ARGS && n < s->depth && is_written(s, s->depth - n))
		n++;
	return n;
}

bool frame_note(struct judge *j, const struct state *s, uint32_t offset, uint32_t below)
{
	uint32_t *deepest = &j->functions[j->current].depth;

	if (s->depth + below > *deepest)
		*deepest = s->depth + below;
	return *deepest <= j->in->stack_limit ||
	       waived(STACK_LIMIT, offset, "frame exceeds the stack limit");
}

bool frame_set_depth(struct judge *j, struct state *s, uint32_t offset, int64_t depth)
{
	if (depth < 0)
		return waived(EXIT_DEPTH, offset, "stack pointer moves above the return address");
	if (depth > VERIFY_MAX_SIZE || depth % 8)
		return waived(RSP_WRITE, offset, "stack pointer moves by an odd or huge amount");
	for (uint32_t k = (uint32_t)depth / 8; k < s->depth / 8 && k < NR_SLOTS; k++)
		s->slot[k] = fact_any();
	s->depth = (uint32_t)depth;
	return frame_note(j, s, offset, 0);
}

/* Above the return address: arguments that the caller left on the stack. */
static bool args_access(struct judge *j, const struct state *s, uint32_t offset, int32_t disp,
			unsigned size, bool writes)
{
	struct function *f = &j->functions[j->current];
	int64_t first = (int64_t)disp - s->depth - 8;

	if (first < 0 || first + size > MAX_ARGS)
		return waived(FRAME, offset, "stack access at or beyond the return address");
	if (writes)
		return waived(FRAME, offset, "stack argument written");
	if (first + size > f->args)
		f->args = (uint32_t)first + size;
	return true;
}

static bool stack_access(struct judge *j, struct state *s, const struct insn *i, uint32_t offset,
			 unsigned size, bool reads, bool writes, struct fact *loaded)
{
	const struct mem_operand *m = &i->mem;

	if (m->index != OPND_NONE)
		return waived(FRAME, offset, "stack access with an index");
	if (m->disp < 0 && is_barrier(i))
		return frame_note(j, s, offset, 8);
	if (m->disp < 0)
		return waived(FRAME, offset, "stack access below the stack pointer");
	if ((int64_t)m->disp + size > s->depth)
		return args_access(j, s, offset, m->disp, size, writes);
	return !reads || frame_read(j, s, offset, m->disp, size, loaded);
}

bool access_check(struct judge *j, struct state *s, const struct insn *i, uint32_t offset,
		  unsigned size, bool reads, bool writes, struct fact *loaded)
{
	const struct mem_operand *m = &i->mem;

	*loaded = fact_any();
	if (m->rip)
		return true;
	if (m->seg == SEG_GS)
		return (m->base == OPND_NONE && m->index == OPND_NONE && m->disp >= 0 &&
			(uint64_t)m->disp + size <= j->in->gs_size) ||
		       waived(GS_FORM, offset, "not gs:[d] inside the block");
	if (m->seg == SEG_FS)
		return (m->base == RSP && m->index == OPND_NONE && m->disp >= 0 &&
			(uint64_t)m->disp + size <= s->depth) ||
		       waived(FS_FORM, offset, "not fs:[rsp+d] inside the frame");
	if (m->base == RSP)
		return stack_access(j, s, i, offset, size, reads, writes, loaded);
	return guarded_access(j, s, i, offset, size);
}
