/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Encoding the few instructions that derive adds or changes. Everything else is copied byte for
 * byte: an encoder that chose another form would change lengths and lose relocated fields.
 */
#ifndef DERIVE_ENCODE_H
#define DERIVE_ENCODE_H

#include "program.h"

#define CODE_MAX 16

struct code {
	uint8_t bytes[CODE_MAX];
	uint8_t length;
	uint8_t disp_at; /* offset of the displacement; 0 if there is none */
	uint8_t imm_at;  /* offset of the immediate; 0 if there is none */
};

#define PREFIX_FS 0x64
#define PREFIX_GS 0x65

/* A memory operand to encode. base or index -1: none; both: an absolute address. */
struct address {
	int base, index;
	unsigned scale;
	int32_t disp;
	uint8_t segment; /* PREFIX_ or 0 */
	bool wide;       /* a 4-byte displacement, for a relocation */
};

struct code encode_bts(int reg, unsigned bit);
struct code encode_push(int reg);
struct code encode_pop(int reg);
struct code encode_byte(uint8_t byte); /* ret, pushfq, popfq, int3 */
struct code encode_ud2(void);
struct code encode_mov_imm64(int reg); /* imm_at is the field, which is 0 */
struct code encode_add_rsp(int32_t by);
struct code encode_lea(int reg, struct address a);
struct code encode_store(struct address a, int reg);         /* mov [a], r64 */
struct code encode_store_imm(struct address a, int32_t imm); /* mov qword [a], imm32 */
struct code encode_load(int reg, struct address a);          /* mov r64, [a] */

/* Those of a lookup (twin_abi.h). The immediate of `and` has 4 bytes. */
struct code encode_mov(int to, int from);
struct code encode_and(int reg, int32_t mask);
struct code encode_shr(int reg, uint8_t by);
struct code encode_cmp(int reg, struct address a); /* cmp r64, [a] */
struct code encode_xor(int reg, struct address a); /* xor r64, [a] */
struct code encode_je(uint8_t over);               /* bytes behind it */
struct code encode_call(void);                     /* rel32, which is 0 */

/* Instruction i with its ModRM memory operand replaced. */
struct code encode_with_address(const struct program *p, const struct insn *i, struct address a);

/* Instruction i as it is, but for a segment prefix in front if `segment` is not 0. */
struct code encode_copy(const struct program *p, const struct insn *i, uint8_t segment);

#endif
