/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decoder of the mov family. Source: AMD APM 3 chapter 1 and appendix A, Intel SDM 2A chapter 2. */
#include "dev/insn.h"

#include "lib/errno.h"

#define INSN_MAX 15

struct cursor {
	const uint8_t *bytes;
	size_t len, at;
	bool long_mode, cut; /* cut: a byte beyond len was asked for */
	uint8_t rex;
	bool opsize16;
};

#define REX_W 8
#define REX_R 4

static uint8_t next(struct cursor *c)
{
	if (c->at < c->len)
		return c->bytes[c->at++];
	c->cut = true;
	return 0;
}

static uint64_t next_bytes(struct cursor *c, unsigned int count)
{
	uint64_t val = 0;

	for (unsigned int i = 0; i < count; i++)
		val |= (uint64_t)next(c) << 8 * i;
	return val;
}

static bool is_segment_prefix(uint8_t byte)
{
	return byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e || byte == 0x64 ||
	       byte == 0x65;
}

/*
 * Skips prefixes and returns the first opcode byte. Lock and repeat prefixes end up as an unknown
 * opcode; so does 67 outside long mode, where it changes the form of the operand.
 */
static uint8_t skip_prefixes(struct cursor *c)
{
	for (;;) {
		uint8_t byte = next(c);

		if (c->long_mode && (byte & 0xf0) == 0x40) {
			c->rex = byte;
			continue;
		}
		if (byte == 0x66)
			c->opsize16 = true;
		else if (!is_segment_prefix(byte) && !(byte == 0x67 && c->long_mode))
			return byte;
		c->rex = 0; /* a REX counts only right before the opcode */
	}
}

static uint8_t operand_size(const struct cursor *c)
{
	if (c->rex & REX_W)
		return 8;
	return c->opsize16 ? 2 : 4;
}

/* Skips SIB and displacement of a memory operand; -EOPNOTSUPP for a register. */
static int skip_memory(struct cursor *c, uint8_t modrm)
{
	uint8_t mod = modrm >> 6, base = modrm & 7;

	if (mod == 3)
		return -EOPNOTSUPP;
	if (base == 4)
		base = next(c) & 7;
	if (mod == 1)
		next_bytes(c, 1);
	else if (mod == 2 || base == 5)
		next_bytes(c, 4);
	return 0;
}

static void set_register(const struct cursor *c, uint8_t modrm, struct insn_mmio *out)
{
	out->reg = (modrm >> 3 & 7) | (c->rex & REX_R ? 8 : 0);
	if (out->reg_size == 1 && !c->rex && out->reg >= 4) {
		out->high8 = true;
		out->reg -= 4;
	}
}

/* The immediate has at most 4 bytes; 64 bits are sign-extended from them. */
static void set_immediate(struct cursor *c, struct insn_mmio *out)
{
	uint64_t val = next_bytes(c, MIN(out->size, 4));

	out->value = out->size == 8 ? (uint64_t)(int32_t)val : val;
}

/* What an opcode does. False: not one of ours. */
static bool classify(struct cursor *c, uint8_t opcode, struct insn_mmio *out)
{
	bool two_byte = opcode == 0x0f;

	if (two_byte)
		opcode = next(c);
	if (two_byte && (opcode == 0xb6 || opcode == 0xb7)) { /* movzx */
		out->read = true;
		out->size = opcode == 0xb6 ? 1 : 2;
		out->reg_size = operand_size(c);
		return true;
	}
	if (two_byte)
		return false;
	out->size = out->reg_size = opcode & 1 ? operand_size(c) : 1;
	switch (opcode & ~1) {
	case 0x86: /* xchg */
		out->read = out->write = true;
		return true;
	case 0x88: /* mov to memory */
		out->write = true;
		return true;
	case 0x8a: /* mov from memory */
		out->read = true;
		return true;
	case 0xc6: /* mov immediate */
		out->write = out->imm = true;
		return true;
	default:
		return false;
	}
}

int insn_decode_mmio(const uint8_t *bytes, size_t len, bool long_mode, struct insn_mmio *out)
{
	struct cursor c = { .bytes = bytes, .len = MIN(len, INSN_MAX), .long_mode = long_mode };
	struct insn_mmio insn = { 0 };
	uint8_t modrm;
	bool ours;

	ours = classify(&c, skip_prefixes(&c), &insn);
	if (c.cut)
		return -EINVAL;
	if (!ours)
		return -EOPNOTSUPP;
	modrm = next(&c);
	if (c.cut)
		return -EINVAL;
	if (insn.imm && modrm & 0x38) /* c6 and c7 have /0 only */
		return -EOPNOTSUPP;
	if (skip_memory(&c, modrm))
		return -EOPNOTSUPP;
	if (insn.imm)
		set_immediate(&c, &insn);
	else
		set_register(&c, modrm, &insn);
	if (c.cut)
		return -EINVAL;
	insn.length = c.at;
	*out = insn;
	return 0;
}
