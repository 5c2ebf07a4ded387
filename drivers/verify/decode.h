/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instruction decoder of the judge: a list of (opcode, prefixes, modrm form), 64-bit mode.
 *
 * What is not listed does not decode. Every accepted instruction has exactly one reading; prefixes
 * that change nothing are refused, so that no processor can read the bytes differently.
 * Reference: AMD APM volume 3, appendix A (opcode maps) and section 1.2 (prefixes).
 */
#ifndef VERIFY_DECODE_H
#define VERIFY_DECODE_H

#include "verify.h"

/* clang-format off */
enum op {
	OP_NONE, /* not on the list */
	OP_NOP, /* also pause, fences, prefetch: no operand is touched */
	OP_INT3, OP_UD2, OP_RET, OP_CALL, OP_JMP, OP_JCC,
	OP_INDIRECT, /* recognised only to be refused by its own rule */
	OP_PUSH, OP_POP, OP_MOVS, OP_STOS,
	OP_GUARD, /* pushfq; bts reg,47; popfq: three instructions that are one for the judge */
	OP_LOOKUP, /* likewise; through dst, with src and mem.base; `imm` leads to the miss routine,
		      and the call of it needs `size` bytes of stack */
	OP_ADD, OP_OR, OP_ADC, OP_SBB, OP_AND, OP_SUB, OP_XOR, OP_CMP, /* in the order of opcodes */
	OP_TEST, OP_INC, OP_DEC, OP_NOT, OP_NEG, OP_SHL, OP_SHR, OP_SAR,
	OP_MIX, /* rotates, shld, shrd, bswap: nothing is known of the result */
	OP_SCAN, /* bsf, bsr: may leave all of the register as it was */
	OP_BT, OP_BTS,
	OP_BTX, /* btr, btc; bts by register */
	OP_MOV, OP_MOVZX, OP_MOVSX, OP_LEA, OP_CMOV, OP_SETCC, OP_XCHG, OP_XADD, OP_CMPXCHG,
	OP_IMUL, /* dst *= src */
	OP_IMUL3, /* dst = src * imm */
	OP_MULDIV, /* mul, imul, div, idiv of rdx:rax */
	OP_CONVERT, /* cbw, cwde, cdqe: rax */
	OP_EXTEND, /* cwd, cdq, cqo: rdx */
	NR_OPS
};
/* clang-format on */

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, NR_REGS = 16 };

/* An operand is a register number, or one of these. */
enum { OPND_NONE = 16, OPND_MEM, OPND_IMM };

enum segment { SEG_NONE, SEG_FS, SEG_GS };

struct mem_operand {
	uint8_t seg;         /* enum segment */
	uint8_t base, index; /* register number or OPND_NONE */
	uint8_t scale;       /* 1, 2, 4, 8 */
	bool rip;            /* only seen when its rule is disabled */
	int32_t disp;
};

struct insn {
	uint8_t len;
	uint8_t op;       /* enum op */
	uint8_t size;     /* operand bytes: 1, 2, 4, 8; 0 where there is none */
	uint8_t src_size; /* differs from size for movzx and movsx */
	uint8_t dst, src;
	bool dst_high, src_high; /* ah, ch, dh, bh: the register number is that of rax .. rbx */
	bool lock;
	struct mem_operand mem;
	int64_t imm; /* sign-extended immediate or branch displacement */
};

/*
 * Decode the instruction at code[0], of which avail bytes exist. Returns VERIFY_OK and fills *out,
 * or the rule that the bytes break, with *reason. Rules in `disabled` are passed over (tests only).
 * out->len is at least 1 and at most avail whenever VERIFY_OK is returned, for avail >= 1.
 */
enum verify_rule insn_decode(const uint8_t *code, uint32_t avail, uint64_t disabled,
			     struct insn *out, const char **reason);

#endif
