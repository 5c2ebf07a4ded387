/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared by emit.c (control flow, memory operands), emit_stack.c (the two stacks) and emit_lookup.c
 * (engine stlb).
 */
#ifndef DERIVE_EMIT_H
#define DERIVE_EMIT_H

#include "twin.h"

struct emitter {
	struct twin *t;
	struct program *p;
	struct func *f;
	struct insn *i;
	uint32_t x;
};

/* Append an instruction; the item may be given a relocation or a target afterwards. */
struct item *emit_code(struct emitter *e, struct code code, unsigned kind);

/* Give an item the meaning of relocation r at `field`; false (and refused) if it has none here. */
bool emit_reloc(struct emitter *e, struct item *item, uint8_t field, const struct reloc *r,
		int64_t addend);

/*
 * The address of an access into `reg`, that of a stack object without or with its index. `pushed`:
 * bytes that were pushed for it.
 */
void emit_compute(struct emitter *e, const struct memref *ref, int reg, int pushed, bool indexed);

/* The relocation of the instruction's immediate, if it has one, in derived code. */
void emit_imm_reloc(struct emitter *e, struct item *item, struct code code);

/* emit_lookup.c: the instruction, its one access made through a lookup. */
void emit_lookup(struct emitter *e, const struct memref *ref);

/* emit_stack.c: true if the instruction was one that only concerns the stack, and is done. */
bool emit_stack(struct emitter *e);

/*
 * The address of a stack object into `reg`: offset relative to the entry's rsp, `depth` that of
 * rsp there.
 */
void emit_stack_address(struct emitter *e, int reg, int offset, int depth);

#endif
