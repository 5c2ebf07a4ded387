/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Backward liveness of registers and flags over one function. */
#include "live.h"

#include "util.h"

/* Not al, the number of vector registers of a varargs call: the kernel is built without them. */
#define ARGUMENTS (1u << RDI | 1u << RSI | 1u << RDX | 1u << RCX | 1u << R8 | 1u << R9)
#define CALLER_SAVED                                                                       \
	(1u << RAX | 1u << RCX | 1u << RDX | 1u << RSI | 1u << RDI | 1u << R8 | 1u << R9 | \
	 1u << R10 | 1u << R11)

/* A conditional read may read: liveness only errs to the side of live. */
static bool is_read(const ZydisDecodedOperand *op)
{
	return op->actions & (ZYDIS_OPERAND_ACTION_READ | ZYDIS_OPERAND_ACTION_CONDREAD);
}

/* xor r,r and sub r,r read nothing. */
static bool is_zero_idiom(const struct insn *i)
{
	return (i->z.mnemonic == ZYDIS_MNEMONIC_XOR || i->z.mnemonic == ZYDIS_MNEMONIC_SUB) &&
	       i->op[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       i->op[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       i->op[0].reg.value == i->op[1].reg.value && reg_width(i->op[0].reg.value) >= 32;
}

static void add_register(const struct insn *i, const ZydisDecodedOperand *op, regset *use,
			 regset *def)
{
	int r = reg_number(op->reg.value);

	if (r < 0)
		return;
	if (is_read(op) && !is_zero_idiom(i))
		*use |= 1u << r;
	if (op->actions & ZYDIS_OPERAND_ACTION_WRITE) {
		if (reg_width(op->reg.value) >= 32)
			*def |= 1u << r;
		else
			*use |= 1u << r; /* the rest of the register stays */
	}
	/* Perhaps not written: then the old value goes on, so it is used. */
	if (op->actions & ZYDIS_OPERAND_ACTION_CONDWRITE)
		*use |= 1u << r;
}

/* Registers of an address are read, whatever is done with the memory. */
static regset address_registers(const ZydisDecodedOperand *op)
{
	int base = reg_number(op->mem.base), index = reg_number(op->mem.index);

	return (base >= 0 ? 1u << base : 0) | (index >= 0 ? 1u << index : 0);
}

void live_registers(const struct insn *i, regset *use, regset *def)
{
	*use = *def = 0;
	if (i->flow == FLOW_DROP)
		return;
	if (i->flow == FLOW_CALL || i->flow == FLOW_TAIL) {
		/* All argument registers: how many the callee takes does not matter enough. */
		*use = ARGUMENTS | 1u << RSP | (i->thunk >= 0 ? 1u << i->thunk : 0);
		*def = CALLER_SAVED;
		return;
	}
	for (unsigned k = 0; k < i->z.operand_count; k++) {
		if (i->op[k].type == ZYDIS_OPERAND_TYPE_REGISTER)
			add_register(i, &i->op[k], use, def);
		else if (i->op[k].type == ZYDIS_OPERAND_TYPE_MEMORY)
			*use |= address_registers(&i->op[k]);
	}
}

regset live_written(const struct insn *i)
{
	regset written = 0;

	if (i->flow == FLOW_DROP)
		return 0;
	if (i->flow == FLOW_CALL) /* the callee may, whatever its operands say */
		return CALLER_SAVED;
	for (unsigned k = 0; k < i->z.operand_count; k++) {
		const ZydisDecodedOperand *op = &i->op[k];
		int r = op->type == ZYDIS_OPERAND_TYPE_REGISTER ? reg_number(op->reg.value) : -1;

		if (r >= 0 &&
		    (op->actions & (ZYDIS_OPERAND_ACTION_WRITE | ZYDIS_OPERAND_ACTION_CONDWRITE)))
			written |= 1u << r;
	}
	return written;
}

regset live_mentioned(const struct insn *i)
{
	regset all = 0;

	for (unsigned k = 0; k < i->z.operand_count; k++) {
		const ZydisDecodedOperand *op = &i->op[k];

		if (op->type == ZYDIS_OPERAND_TYPE_MEMORY)
			all |= address_registers(op);
		else if (op->type == ZYDIS_OPERAND_TYPE_REGISTER && reg_number(op->reg.value) >= 0)
			all |= 1u << reg_number(op->reg.value);
	}
	return all;
}

/* Is the count of a shift an immediate that the processor does not take for 0? */
static bool shifts_for_sure(const struct insn *i)
{
	const ZydisDecodedOperand *count = &i->op[i->z.operand_count_visible - 1];

	return i->z.operand_count_visible >= 2 && count->type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
	       (count->imm.value.u & (i->op[0].size == 64 ? 63 : 31));
}

/* Flags that an instruction reads, and those that it replaces for sure. */
static void flags_of(const struct insn *i, uint32_t *use, uint32_t *def)
{
	const ZydisAccessedFlags *f = i->z.cpu_flags;

	*use = *def = 0;
	if (i->flow == FLOW_DROP)
		return;
	if (i->flow == FLOW_CALL || i->flow == FLOW_TAIL || i->flow == FLOW_RET) {
		*def = LIVE_FLAGS; /* the calling convention passes no flags */
		return;
	}
	if (!f)
		return;
	*use = f->tested & LIVE_FLAGS;
	*def = (f->modified | f->set_0 | f->set_1 | f->undefined) & LIVE_FLAGS;
	/* A shift by cl or by 0, and a repeated string operation, may leave the flags alone. */
	if (i->z.attributes &
	    (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE))
		*def = 0;
	if ((i->z.meta.category == ZYDIS_CATEGORY_SHIFT ||
	     i->z.meta.category == ZYDIS_CATEGORY_ROTATE) &&
	    !shifts_for_sure(i))
		*def = 0;
}

/* Liveness behind instruction x. */
static void live_out(const struct program *p, const struct func *f, uint32_t x, regset *regs,
		     uint32_t *flags)
{
	const struct insn *i = &p->insns[x];

	*regs = 0;
	*flags = 0;
	if (i->flow == FLOW_RET)
		*regs = 1u << RAX | (f->returns_pair ? 1u << RDX : 0) | CALLEE_SAVED | 1u << RSP;
	if (i->flow == FLOW_TAIL) /* its arguments are in live_registers() */
		*regs = CALLEE_SAVED | 1u << RSP;
	if (i->falls) {
		*regs |= p->insns[x + 1].live_in;
		*flags |= p->insns[x + 1].flags_in;
	}
	if (i->target == NO_INSN || i->flow == FLOW_CALL)
		return;
	if (insn_func(p, &p->insns[i->target]) == f) {
		*regs |= p->insns[i->target].live_in;
		*flags |= p->insns[i->target].flags_in;
	} else { /* a tail call inside the module */
		*regs |= ARGUMENTS | CALLEE_SAVED | 1u << RSP;
	}
}

/* One instruction; says whether something changed. */
static bool live_step(struct program *p, struct func *f, uint32_t x)
{
	struct insn *i = &p->insns[x];
	regset regs, use, def;
	uint32_t flags, flags_use, flags_def;

	if (!i->reachable)
		return false;
	live_out(p, f, x, &regs, &flags);
	live_registers(i, &use, &def);
	flags_of(i, &flags_use, &flags_def);
	regs = use | (regs & ~def);
	flags = flags_use | (flags & ~flags_def);
	if (regs == i->live_in && flags == i->flags_in)
		return false;
	i->live_in = regs;
	i->flags_in = flags;
	return true;
}

/* Backwards over the parts until nothing changes: few rounds, since code mostly runs forward. */
void live_solve(struct program *p, struct func *f)
{
	bool changed = true;

	/* From nothing upward: a second run, after code was dropped, must not keep old facts. */
	for_each_insn(p, f, i, x)
	{
		i->live_in = 0;
		i->flags_in = 0;
	}
	while (changed) {
		changed = false;
		for (uint32_t k = f->nparts; k-- > 0;) {
			const struct part *part = &p->parts[f->parts[k]];

			for (uint32_t x = part->first + part->count; x-- > part->first;)
				changed |= live_step(p, f, x);
		}
	}
}
