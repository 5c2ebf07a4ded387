/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kind of address each memory access uses; this decides how it is made safe. */
#ifndef DERIVE_MEMREF_H
#define DERIVE_MEMREF_H

#include "program.h"

enum memref_class {
	MEM_STACK,       /* [rsp+d] */
	MEM_STACK_INDEX, /* [rsp+i*s+d] */
	MEM_CONST,       /* rip-relative or absolute, with a relocation: module or kernel data */
	MEM_GS,          /* gs:[constant]: per-CPU variable */
	MEM_BASE,        /* [b+d] */
	MEM_BASE_INDEX,  /* [b+i*s+d] */
	MEM_TABLE,       /* [b+i*s+data]: data of the module or kernel plus registers */
	MEM_STRING,      /* rsi or rdi of a string instruction */
	MEM_ODD,         /* anything else: refused */
};

struct memref {
	enum memref_class class;
	int base, index; /* registers, or -1 */
	unsigned scale;  /* 1 if there is no index */
	int64_t disp;
	unsigned size; /* bytes of one access */
	bool read, write;
	const struct reloc *reloc; /* of the displacement, or NULL */
};

#define MEMREF_MAX 2

/*
 * The accesses of an instruction; returns how many (0 .. MEMREF_MAX). lea, nop and prefetch
 * access nothing; the stack access of push, pop, call and ret is not listed.
 */
unsigned memref_collect(const struct insn *i, struct memref out[MEMREF_MAX]);

/* The memory operand that is encoded in ModRM, an lea's included, or NULL. */
const ZydisDecodedOperand *memref_operand(const struct insn *i);

/* Class of a memory operand of a non-string instruction. */
enum memref_class memref_classify(const struct insn *i, const ZydisDecodedOperand *op);

#endif
