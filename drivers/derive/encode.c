/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instruction encodings: AMD64 APM volume 3, chapter 1 (prefixes, ModRM, SIB, displacement). */
#include "encode.h"

#include <string.h>

#include "util.h"

#define REX   0x40
#define REX_W 8
#define REX_R 4
#define REX_X 2
#define REX_B 1

static void put(struct code *c, uint8_t byte)
{
	if (c->length == CODE_MAX)
		fail("internal error: instruction too long");
	c->bytes[c->length++] = byte;
}

static void put32(struct code *c, int32_t value)
{
	for (int k = 0; k < 4; k++)
		put(c, (uint8_t)((uint32_t)value >> (8 * k)));
}

static uint8_t scale_bits(unsigned scale)
{
	return scale == 8 ? 3 : scale == 4 ? 2 : scale == 2 ? 1 : 0;
}

/* The REX.X and REX.B bits that an address needs. */
static uint8_t rex_of(struct address a)
{
	return (a.index >= R8 ? REX_X : 0) | (a.base >= R8 ? REX_B : 0);
}

/* ModRM, SIB and displacement; `reg` is the 3-bit reg field. */
static void put_address(struct code *c, unsigned reg, struct address a)
{
	bool sib = a.base < 0 || a.index >= 0 || (a.base & 7) == RSP;
	unsigned mod, index = a.index < 0 ? RSP : (unsigned)a.index & 7;

	if (a.base < 0)
		mod = 0;
	else if (a.disp == 0 && (a.base & 7) != RBP && !a.wide)
		mod = 0;
	else
		mod = a.disp == (int8_t)a.disp && !a.wide ? 1 : 2;
	put(c, (uint8_t)(mod << 6 | reg << 3 | (sib ? RSP : (unsigned)a.base & 7)));
	if (sib)
		put(c, (uint8_t)(scale_bits(a.scale) << 6 | index << 3 |
				 (a.base < 0 ? RBP : (unsigned)a.base & 7)));
	c->disp_at = c->length;
	if (mod == 1)
		put(c, (uint8_t)a.disp);
	else if (mod == 2 || a.base < 0)
		put32(c, a.disp);
	else
		c->disp_at = 0;
}

static struct code with_opcode(uint8_t opcode, int reg, struct address a)
{
	struct code c = { 0 };

	if (a.segment)
		put(&c, a.segment);
	put(&c, REX | REX_W | (reg >= R8 ? REX_R : 0) | rex_of(a));
	put(&c, opcode);
	put_address(&c, (unsigned)reg & 7, a);
	return c;
}

struct code encode_bts(int reg, unsigned bit)
{
	struct code c = { 0 };

	put(&c, REX | REX_W | (reg >= R8 ? REX_B : 0));
	put(&c, 0x0f);
	put(&c, 0xba);
	put(&c, (uint8_t)(0xe8 | (reg & 7)));
	put(&c, (uint8_t)bit);
	return c;
}

/* push and pop: the register is part of the opcode. */
static struct code one_register(uint8_t opcode, int reg)
{
	struct code c = { 0 };

	if (reg >= R8)
		put(&c, REX | REX_B);
	put(&c, (uint8_t)(opcode | (reg & 7)));
	return c;
}

struct code encode_push(int reg)
{
	return one_register(0x50, reg);
}

struct code encode_pop(int reg)
{
	return one_register(0x58, reg);
}

struct code encode_byte(uint8_t byte)
{
	return (struct code){ .bytes = { byte }, .length = 1 };
}

struct code encode_ud2(void)
{
	return (struct code){ .bytes = { 0x0f, 0x0b }, .length = 2 };
}

struct code encode_mov_imm64(int reg)
{
	struct code c = { 0 };

	put(&c, REX | REX_W | (reg >= R8 ? REX_B : 0));
	put(&c, (uint8_t)(0xb8 | (reg & 7)));
	c.imm_at = c.length;
	put32(&c, 0);
	put32(&c, 0);
	return c;
}

struct code encode_add_rsp(int32_t by)
{
	bool small = by == (int8_t)by;
	struct code c = { .bytes = { REX | REX_W, small ? 0x83 : 0x81, 0xc4 }, .length = 3 };

	if (small)
		put(&c, (uint8_t)by);
	else
		put32(&c, by);
	return c;
}

struct code encode_lea(int reg, struct address a)
{
	return with_opcode(0x8d, reg, a);
}

struct code encode_store(struct address a, int reg)
{
	return with_opcode(0x89, reg, a);
}

struct code encode_load(int reg, struct address a)
{
	return with_opcode(0x8b, reg, a);
}

struct code encode_store_imm(struct address a, int32_t imm)
{
	struct code c = with_opcode(0xc7, 0, a);

	c.imm_at = c.length;
	put32(&c, imm);
	return c;
}

/* An opcode on a register; `field` is the other register, or the rest of the opcode. */
static struct code on_register(uint8_t opcode, int field, int reg)
{
	struct code c = { 0 };

	put(&c, REX | REX_W | (field >= R8 ? REX_R : 0) | (reg >= R8 ? REX_B : 0));
	put(&c, opcode);
	put(&c, (uint8_t)(0xc0 | (field & 7) << 3 | (reg & 7)));
	return c;
}

struct code encode_mov(int to, int from)
{
	return on_register(0x89, from, to);
}

struct code encode_and(int reg, int32_t mask)
{
	struct code c = on_register(0x81, 4, reg);

	c.imm_at = c.length;
	put32(&c, mask);
	return c;
}

struct code encode_shr(int reg, uint8_t by)
{
	struct code c = on_register(0xc1, 5, reg);

	put(&c, by);
	return c;
}

struct code encode_cmp(int reg, struct address a)
{
	return with_opcode(0x3b, reg, a);
}

struct code encode_xor(int reg, struct address a)
{
	return with_opcode(0x33, reg, a);
}

struct code encode_je(uint8_t over)
{
	return (struct code){ .bytes = { 0x74, over }, .length = 2 };
}

struct code encode_call(void)
{
	return (struct code){ .bytes = { 0xe8 }, .length = 5 };
}

/* spl, bpl, sil, dil exist only with a REX prefix. */
static bool needs_empty_rex(const struct insn *i)
{
	for (unsigned k = 0; k < i->z.operand_count_visible; k++)
		if (i->op[k].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    i->op[k].reg.value >= ZYDIS_REGISTER_SPL &&
		    i->op[k].reg.value <= ZYDIS_REGISTER_DIL)
			return true;
	return false;
}

static bool is_segment_prefix(uint8_t byte)
{
	return byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e || byte == PREFIX_FS ||
	       byte == PREFIX_GS;
}

/* Prefixes and opcode stay; REX keeps W and R, its X and B belong to the new address. */
struct code encode_with_address(const struct program *p, const struct insn *i, struct address a)
{
	const ZydisDecodedInstructionRaw *raw = &i->z.raw;
	const uint8_t *from = insn_bytes(p, i);
	uint8_t rex = rex_of(a), at = raw->prefix_count;
	bool had_rex = i->z.attributes & ZYDIS_ATTRIB_HAS_REX;
	struct code c = { 0 };

	if (a.segment)
		put(&c, a.segment);
	for (unsigned k = 0; k < raw->prefix_count; k++)
		if (raw->prefixes[k].value < 0x40 || raw->prefixes[k].value > 0x4f)
			if (!is_segment_prefix(raw->prefixes[k].value))
				put(&c, raw->prefixes[k].value);
	if (had_rex) {
		rex |= (raw->rex.W ? REX_W : 0) | (raw->rex.R ? REX_R : 0);
		at = raw->rex.offset + 1;
	}
	if (rex || (had_rex && needs_empty_rex(i)))
		put(&c, REX | rex);
	for (; at < raw->modrm.offset; at++)
		put(&c, from[at]);
	put_address(&c, raw->modrm.reg, a);
	if (raw->imm[0].size) {
		c.imm_at = c.length;
		for (at = raw->imm[0].offset; at < i->length; at++)
			put(&c, from[at]);
	}
	return c;
}

/* Says where the fields are, for their relocations. */
struct code encode_copy(const struct program *p, const struct insn *i, uint8_t segment)
{
	struct code c = { 0 };

	if (segment)
		put(&c, segment);
	if (c.length + i->length > CODE_MAX)
		fail("internal error: instruction too long");
	c.disp_at = i->z.raw.disp.size ? (uint8_t)(c.length + i->z.raw.disp.offset) : 0;
	c.imm_at = i->z.raw.imm[0].size ? (uint8_t)(c.length + i->z.raw.imm[0].offset) : 0;
	memcpy(c.bytes + c.length, insn_bytes(p, i), i->length);
	c.length += i->length;
	return c;
}
