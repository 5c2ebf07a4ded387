/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Classes of memory accesses: see memref.h. */
#include "memref.h"

/* rsi and rdi of these are hidden operands, and the count may be 0: nothing is accessed then. */
static bool is_string(const struct insn *i)
{
	return i->z.meta.category == ZYDIS_CATEGORY_STRINGOP ||
	       i->z.meta.category == ZYDIS_CATEGORY_IOSTRINGOP;
}

/* cs, ds, es and ss have base 0 in 64-bit mode; they are prefixes without a meaning. */
static bool has_special_segment(const ZydisDecodedOperand *op)
{
	return op->mem.segment == ZYDIS_REGISTER_FS || op->mem.segment == ZYDIS_REGISTER_GS;
}

/* A prefetch never faults and changes nothing; an lea only computes. */
static bool accesses_memory(const struct insn *i)
{
	return i->flow != FLOW_DROP && i->z.mnemonic != ZYDIS_MNEMONIC_LEA &&
	       i->z.meta.category != ZYDIS_CATEGORY_NOP &&
	       i->z.meta.category != ZYDIS_CATEGORY_WIDENOP &&
	       i->z.meta.category != ZYDIS_CATEGORY_PREFETCH;
}

const ZydisDecodedOperand *memref_operand(const struct insn *i)
{
	for (unsigned k = 0; k < i->z.operand_count; k++)
		if (i->op[k].type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    i->op[k].visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT)
			return &i->op[k];
	return NULL;
}

/*
 * By the form of the operand alone; what the registers hold is the analysis' business. A relocation
 * is told from a number here: the 0 in the file would look like a displacement.
 */
enum memref_class memref_classify(const struct insn *i, const ZydisDecodedOperand *op)
{
	const struct reloc *r = insn_disp_reloc(i);
	bool base = op->mem.base != ZYDIS_REGISTER_NONE;
	bool index = op->mem.index != ZYDIS_REGISTER_NONE;
	bool rip = op->mem.base == ZYDIS_REGISTER_RIP;

	/* gs with a register would be a pointer into the per-CPU area: no driver has one. */
	if (op->mem.segment == ZYDIS_REGISTER_GS)
		return index || (base && !rip) ? MEM_ODD : MEM_GS;
	if (op->mem.segment == ZYDIS_REGISTER_FS)
		return MEM_ODD;
	/* Without a relocation it would be an address that the module has made up. */
	if (rip || (!base && !index))
		return r ? MEM_CONST : MEM_ODD;
	if (op->mem.base == ZYDIS_REGISTER_RSP)
		return r ? MEM_ODD : index ? MEM_STACK_INDEX : MEM_STACK;
	if (r)
		return MEM_TABLE;
	if (!base)
		return MEM_ODD;
	return index ? MEM_BASE_INDEX : MEM_BASE;
}

/* Hidden memory operands are the stack slots of push, pop and call, but for string operations. */
unsigned memref_collect(const struct insn *i, struct memref out[MEMREF_MAX])
{
	const ZydisOperandActions reads = ZYDIS_OPERAND_ACTION_READ | ZYDIS_OPERAND_ACTION_CONDREAD;
	const ZydisOperandActions writes =
		ZYDIS_OPERAND_ACTION_WRITE | ZYDIS_OPERAND_ACTION_CONDWRITE;
	bool string = is_string(i);
	unsigned n = 0;

	if (!accesses_memory(i))
		return 0;
	/* A string move has two operands, everything else at most one. */
	for (unsigned k = 0; k < i->z.operand_count && n < MEMREF_MAX; k++) {
		const ZydisDecodedOperand *op = &i->op[k];

		if (op->type != ZYDIS_OPERAND_TYPE_MEMORY || op->mem.type != ZYDIS_MEMOP_TYPE_MEM ||
		    (op->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN && !string))
			continue;
		out[n++] = (struct memref){
			.class = !string                   ? memref_classify(i, op)
				 : has_special_segment(op) ? MEM_ODD
							   : MEM_STRING,
			.base = reg_number(op->mem.base),
			.index = reg_number(op->mem.index),
			.scale = op->mem.scale ? op->mem.scale : 1,
			.disp = op->mem.disp.has_displacement ? op->mem.disp.value : 0,
			.size = op->size / 8,
			.read = op->actions & reads,
			.write = op->actions & writes,
			.reloc = insn_disp_reloc(i),
		};
	}
	return n;
}
