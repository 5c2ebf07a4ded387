/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The allow-list as tables, and the decoder that walks them. See decode.h. */
#include "decode.h"

/* clang-format off */

/* Where the operands come from. E is the modrm r/m operand, G its register, O one in the opcode. */
enum args {
	A_0, A_E, A_E_G, A_G_E, A_E_I, A_E_1, A_E_C, /* modrm up to here */
	A_A_I, A_O, A_O_I, A_A_O, A_I
};

enum imm { I_0, I_8, I_Z, I_V, I_32 };

enum form_flags {
	F_BYTE = 1, /* operands of one byte */
	F_QUAD = 2, /* operands of eight bytes without REX.W, which is refused */
	F_FIXED = 4, /* no operand size: 66 and REX.W are refused */
	F_REP = 8, /* must carry f3 */
	F_REG = 16, /* r/m must be a register */
	F_MEM = 32, /* r/m must be memory */
	F_WIDE = 64, /* REX.W must be there */
	F_HINT = 128, /* a memory operand is not accessed: no segment override */
};

/* Opcodes whose operation is chosen by the register field of modrm. */
enum group { G_ALU = NR_OPS, G_SH, G_UN, G_FE, G_FF, G_BT, G_MOV, G_PF, G_PW, G_NOP, G_SET, G_END };

static const uint8_t groups[G_END - G_ALU][8] = {
	[G_ALU - G_ALU] = { OP_ADD, OP_OR, OP_ADC, OP_SBB, OP_AND, OP_SUB, OP_XOR, OP_CMP },
	[G_SH - G_ALU] = { OP_MIX, OP_MIX, OP_MIX, OP_MIX, OP_SHL, OP_SHR, OP_NONE, OP_SAR },
	[G_UN - G_ALU] = { OP_TEST, OP_NONE, OP_NOT, OP_NEG, [4 ... 7] = OP_MULDIV },
	[G_FE - G_ALU] = { OP_INC, OP_DEC }, [G_MOV - G_ALU] = { OP_MOV },
	[G_FF - G_ALU] = { OP_INC, OP_DEC, OP_INDIRECT, OP_NONE, OP_INDIRECT, OP_NONE, OP_PUSH },
	[G_BT - G_ALU] = { [4] = OP_BT, OP_BTS, OP_BTX, OP_BTX },
	[G_PF - G_ALU] = { OP_NOP, OP_NOP, OP_NOP, OP_NOP }, /* prefetch */
	[G_PW - G_ALU] = { [1] = OP_NOP }, /* prefetchw */
	[G_NOP - G_ALU] = { OP_NOP }, [G_SET - G_ALU] = { OP_SETCC },
};

struct form {
	uint8_t op, args, imm, flags, src_size;
};

/* Operation of the eight at 8 * their number: Eb,Gb Ev,Gv Gb,Eb Gv,Ev AL,Ib eAX,Iz. */
#define ALU(base, op) \
	[base] = { op, A_E_G, I_0, F_BYTE, 0 }, [(base) + 1] = { op, A_E_G, I_0, 0, 0 }, \
	[(base) + 2] = { op, A_G_E, I_0, F_BYTE, 0 }, [(base) + 3] = { op, A_G_E, I_0, 0, 0 }, \
	[(base) + 4] = { op, A_A_I, I_8, F_BYTE, 0 }, [(base) + 5] = { op, A_A_I, I_Z, 0, 0 }

static const struct form one_byte[256] = {
	ALU(0x00, OP_ADD), ALU(0x08, OP_OR), ALU(0x10, OP_ADC), ALU(0x18, OP_SBB),
	ALU(0x20, OP_AND), ALU(0x28, OP_SUB), ALU(0x30, OP_XOR), ALU(0x38, OP_CMP),
	[0x50 ... 0x57] = { OP_PUSH, A_O, I_0, F_QUAD, 0 },
	[0x58 ... 0x5f] = { OP_POP, A_O, I_0, F_QUAD, 0 },
	[0x63] = { OP_MOVSX, A_G_E, I_0, F_WIDE, 4 },
	[0x68] = { OP_PUSH, A_I, I_Z, F_QUAD, 0 }, [0x6a] = { OP_PUSH, A_I, I_8, F_QUAD, 0 },
	[0x69] = { OP_IMUL3, A_G_E, I_Z, 0, 0 }, [0x6b] = { OP_IMUL3, A_G_E, I_8, 0, 0 },
	[0x70 ... 0x7f] = { OP_JCC, A_0, I_8, F_FIXED, 0 },
	[0x80] = { G_ALU, A_E_I, I_8, F_BYTE, 0 }, [0x81] = { G_ALU, A_E_I, I_Z, 0, 0 },
	[0x83] = { G_ALU, A_E_I, I_8, 0, 0 },
	[0x84] = { OP_TEST, A_E_G, I_0, F_BYTE, 0 }, [0x85] = { OP_TEST, A_E_G, I_0, 0, 0 },
	[0x86] = { OP_XCHG, A_E_G, I_0, F_BYTE, 0 }, [0x87] = { OP_XCHG, A_E_G, I_0, 0, 0 },
	[0x88] = { OP_MOV, A_E_G, I_0, F_BYTE, 0 }, [0x89] = { OP_MOV, A_E_G, I_0, 0, 0 },
	[0x8a] = { OP_MOV, A_G_E, I_0, F_BYTE, 0 }, [0x8b] = { OP_MOV, A_G_E, I_0, 0, 0 },
	[0x8d] = { OP_LEA, A_G_E, I_0, F_MEM | F_HINT, 0 },
	[0x90 ... 0x97] = { OP_XCHG, A_A_O, I_0, 0, 0 },
	[0x98] = { OP_CONVERT, A_0, I_0, 0, 0 }, [0x99] = { OP_EXTEND, A_0, I_0, 0, 0 },
	[0xa4] = { OP_MOVS, A_0, I_0, F_BYTE | F_REP, 0 }, [0xa5] = { OP_MOVS, A_0, I_0, F_REP, 0 },
	[0xa8] = { OP_TEST, A_A_I, I_8, F_BYTE, 0 }, [0xa9] = { OP_TEST, A_A_I, I_Z, 0, 0 },
	[0xaa] = { OP_STOS, A_0, I_0, F_BYTE | F_REP, 0 }, [0xab] = { OP_STOS, A_0, I_0, F_REP, 0 },
	[0xb0 ... 0xb7] = { OP_MOV, A_O_I, I_8, F_BYTE, 0 },
	[0xb8 ... 0xbf] = { OP_MOV, A_O_I, I_V, 0, 0 },
	[0xc0] = { G_SH, A_E_I, I_8, F_BYTE, 0 }, [0xc1] = { G_SH, A_E_I, I_8, 0, 0 },
	[0xc3] = { OP_RET, A_0, I_0, F_FIXED, 0 }, [0xcc] = { OP_INT3, A_0, I_0, F_FIXED, 0 },
	[0xc6] = { G_MOV, A_E_I, I_8, F_BYTE, 0 }, [0xc7] = { G_MOV, A_E_I, I_Z, 0, 0 },
	[0xd0] = { G_SH, A_E_1, I_0, F_BYTE, 0 }, [0xd1] = { G_SH, A_E_1, I_0, 0, 0 },
	[0xd2] = { G_SH, A_E_C, I_0, F_BYTE, 0 }, [0xd3] = { G_SH, A_E_C, I_0, 0, 0 },
	[0xe8] = { OP_CALL, A_0, I_32, F_FIXED, 0 },
	[0xe9] = { OP_JMP, A_0, I_32, F_FIXED, 0 }, [0xeb] = { OP_JMP, A_0, I_8, F_FIXED, 0 },
	[0xf6] = { G_UN, A_E, I_8, F_BYTE, 0 }, [0xf7] = { G_UN, A_E, I_Z, 0, 0 }, /* test */
	[0xfe] = { G_FE, A_E, I_0, F_BYTE, 0 }, [0xff] = { G_FF, A_E, I_0, 0, 0 },
};

/* Behind 0f. Bit tests by register only with a register: with memory they reach 2^60 bytes far. */
static const struct form two_byte[256] = {
	[0x0b] = { OP_UD2, A_0, I_0, F_FIXED, 0 },
	[0x0d] = { G_PW, A_E, I_0, F_FIXED | F_MEM | F_HINT, 0 },
	[0x18] = { G_PF, A_E, I_0, F_FIXED | F_MEM | F_HINT, 0 },
	[0x1f] = { G_NOP, A_E, I_0, F_MEM | F_HINT, 0 },
	[0x40 ... 0x4f] = { OP_CMOV, A_G_E, I_0, 0, 0 },
	[0x80 ... 0x8f] = { OP_JCC, A_0, I_32, F_FIXED, 0 },
	[0x90 ... 0x9f] = { G_SET, A_E, I_0, F_BYTE, 0 },
	[0xa3] = { OP_BT, A_E_G, I_0, F_REG, 0 }, [0xab] = { OP_BTX, A_E_G, I_0, F_REG, 0 },
	[0xb3] = { OP_BTX, A_E_G, I_0, F_REG, 0 }, [0xbb] = { OP_BTX, A_E_G, I_0, F_REG, 0 },
	[0xa4] = { OP_MIX, A_E_G, I_8, 0, 0 }, [0xa5] = { OP_MIX, A_E_G, I_0, 0, 0 }, /* shld */
	[0xac] = { OP_MIX, A_E_G, I_8, 0, 0 }, [0xad] = { OP_MIX, A_E_G, I_0, 0, 0 }, /* shrd */
	[0xaf] = { OP_IMUL, A_G_E, I_0, 0, 0 },
	[0xb0] = { OP_CMPXCHG, A_E_G, I_0, F_BYTE, 0 }, [0xb1] = { OP_CMPXCHG, A_E_G, I_0, 0, 0 },
	[0xb6] = { OP_MOVZX, A_G_E, I_0, 0, 1 }, [0xb7] = { OP_MOVZX, A_G_E, I_0, 0, 2 },
	[0xba] = { G_BT, A_E_I, I_8, 0, 0 },
	[0xbc ... 0xbd] = { OP_SCAN, A_G_E, I_0, 0, 0 },
	[0xbe] = { OP_MOVSX, A_G_E, I_0, 0, 1 }, [0xbf] = { OP_MOVSX, A_G_E, I_0, 0, 2 },
	[0xc0] = { OP_XADD, A_E_G, I_0, F_BYTE, 0 }, [0xc1] = { OP_XADD, A_E_G, I_0, 0, 0 },
	[0xc8 ... 0xcf] = { OP_MIX, A_O, I_0, 0, 0 }, /* bswap */
};

/* Whole instructions that the tables cannot say, matched byte for byte: nops, pause, fences. */
static const struct {
	uint8_t len, bytes[3];
} literal[] = {
	{ 1, { 0x90 } }, { 2, { 0x66, 0x90 } }, { 2, { 0xf3, 0x90 } },
	{ 3, { 0x0f, 0xae, 0xe8 } }, { 3, { 0x0f, 0xae, 0xf0 } }, { 3, { 0x0f, 0xae, 0xf8 } },
};

/* clang-format on */

struct decoder {
	const uint8_t *code;
	uint32_t avail, at;
	uint64_t disabled;
	struct insn *out;
	enum verify_rule rule;
	const char *reason;
	uint8_t rex; /* 0x40 .. 0x4f, or 0 */
	bool has_rex, opsize, rep;
	uint8_t used;  /* bits of REX that mean something in this form */
	bool byte_reg; /* a register operand that differs with and without REX */
	uint8_t modrm, opcode_reg;
};

enum { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8 };

static void refuse(struct decoder *d, enum verify_rule rule, const char *reason)
{
	if (d->rule == VERIFY_OK && !(d->disabled & VERIFY_BIT(rule))) {
		d->rule = rule;
		d->reason = reason;
	}
}

static uint8_t take(struct decoder *d)
{
	if (d->at >= d->avail || d->at >= 15) {
		refuse(d, VERIFY_TRUNCATED, "instruction runs over the end of the code");
		return 0;
	}
	return d->code[d->at++];
}

static int64_t take_signed(struct decoder *d, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned k = 0; k < bytes; k++)
		v |= (uint64_t)take(d) << (8 * k);
	if (bytes < 8 && v >> (8 * bytes - 1))
		v |= ~0ull << (8 * bytes);
	return (int64_t)v;
}

static void take_prefixes(struct decoder *d)
{
	for (;;) {
		uint8_t b = d->at < d->avail ? d->code[d->at] : 0;
		bool again = false;

		if (b == 0x66) {
			again = d->opsize;
			d->opsize = true;
		} else if (b == 0xf0) {
			again = d->out->lock;
			d->out->lock = true;
		} else if (b == 0xf3) {
			again = d->rep;
			d->rep = true;
		} else if (b == 0x64 || b == 0x65) {
			again = d->out->mem.seg != SEG_NONE;
			d->out->mem.seg = b == 0x64 ? SEG_FS : SEG_GS;
		} else if (b == 0x67 || b == 0xf2 || b == 0x2e || b == 0x36 || b == 0x3e ||
			   b == 0x26) {
			refuse(d, VERIFY_PREFIX, "prefix is not on the allow-list");
		} else {
			break;
		}
		if (again)
			refuse(d, VERIFY_PREFIX, "prefix given twice");
		take(d);
		if (d->rule)
			return;
	}
	if (d->at < d->avail && (d->code[d->at] & 0xf0) == 0x40) {
		d->rex = take(d);
		d->has_rex = true;
	}
}

/* Opcode and modrm: the form, with the operation that the register field of modrm chooses. */
static struct form take_form(struct decoder *d)
{
	uint8_t b = take(d);
	struct form f = b == 0x0f ? two_byte[b = take(d)] : one_byte[b];

	d->opcode_reg = b & 7;
	if (f.args >= A_E && f.args <= A_E_C)
		d->modrm = take(d);
	if (f.op >= G_ALU)
		f.op = groups[f.op - G_ALU][(d->modrm >> 3) & 7];
	if (f.op == OP_TEST && f.args == A_E)
		f.args = A_E_I;
	else if (f.args == A_E)
		f.imm = I_0;
	if (f.op == OP_PUSH && f.args == A_E)
		f.flags = F_QUAD | F_MEM;
	if (f.op == OP_NONE)
		refuse(d, VERIFY_OPCODE, "opcode is not on the allow-list");
	return f;
}

static uint8_t extended(struct decoder *d, uint8_t field, uint8_t bit)
{
	d->used |= bit;
	return field | (d->rex & bit ? 8 : 0);
}

static void take_sib(struct decoder *d, uint8_t mod)
{
	struct mem_operand *m = &d->out->mem;
	uint8_t sib = take(d), index = extended(d, (sib >> 3) & 7, REX_X);

	if (index != RSP) {
		m->index = index;
		m->scale = 1 << (sib >> 6);
	} else if (sib >> 6) {
		refuse(d, VERIFY_PREFIX, "scale without an index");
	}
	if (mod == 0 && (sib & 7) == 5)
		m->disp = (int32_t)take_signed(d, 4);
	else
		m->base = extended(d, sib & 7, REX_B);
}

static void take_memory(struct decoder *d)
{
	struct mem_operand *m = &d->out->mem;
	uint8_t mod = d->modrm >> 6, rm = d->modrm & 7;

	m->base = m->index = OPND_NONE;
	m->scale = 1;
	if (rm == 4) {
		take_sib(d, mod);
	} else if (mod == 0 && rm == 5) {
		m->rip = true;
		m->disp = (int32_t)take_signed(d, 4);
		refuse(d, VERIFY_RIP_RELATIVE, "operand relative to the instruction pointer");
	} else {
		m->base = extended(d, rm, REX_B);
	}
	if (mod)
		m->disp = (int32_t)take_signed(d, mod == 1 ? 1 : 4);
}

/* Without REX the byte registers 4 .. 7 are ah, ch, dh, bh; with it spl, bpl, sil, dil. */
static uint8_t byte_register(struct decoder *d, uint8_t r, bool *high)
{
	if (r >= 4 && r <= 7) {
		d->byte_reg = true;
		*high = !d->has_rex;
	}
	return *high ? r - 4 : r;
}

static uint8_t operand_register(struct decoder *d, uint8_t field, uint8_t bit, unsigned size,
				bool *high)
{
	uint8_t r = extended(d, field & 7, bit);

	return size == 1 ? byte_register(d, r, high) : r;
}

static uint8_t rm_operand(struct decoder *d, unsigned size, bool *high)
{
	return d->modrm >> 6 == 3 ? operand_register(d, d->modrm, REX_B, size, high) : OPND_MEM;
}

static void set_operands(struct decoder *d, const struct form *f)
{
	struct insn *i = d->out;

	switch (f->args) {
	case A_E:
	case A_E_G:
	case A_E_I:
	case A_E_1:
	case A_E_C:
		i->dst = rm_operand(d, i->size, &i->dst_high);
		if (f->args == A_E_G)
			i->src = operand_register(d, d->modrm >> 3, REX_R, i->size, &i->src_high);
		else if (f->args != A_E)
			i->src = f->args == A_E_C ? RCX : OPND_IMM;
		break;
	case A_G_E:
		i->dst = operand_register(d, d->modrm >> 3, REX_R, i->size, &i->dst_high);
		i->src = rm_operand(d, i->src_size, &i->src_high);
		break;
	case A_O:
	case A_O_I:
		i->dst = operand_register(d, d->opcode_reg, REX_B, i->size, &i->dst_high);
		i->src = f->args == A_O_I ? OPND_IMM : OPND_NONE;
		break;
	case A_A_I:
	case A_A_O:
		i->dst = RAX;
		i->src = f->args == A_A_I ? OPND_IMM : extended(d, d->opcode_reg, REX_B);
		break;
	case A_I:
		i->dst = OPND_IMM;
		break;
	}
}

static void take_immediate(struct decoder *d, const struct form *f)
{
	unsigned size = d->out->size;
	unsigned width = f->imm == I_V                ? size
			 : f->imm == I_Z && size == 2 ? 2
			 : f->imm == I_8              ? 1
						      : 4;

	d->out->imm = f->imm == I_0 ? f->args == A_E_1 : take_signed(d, width);
}

static void set_size(struct decoder *d, const struct form *f)
{
	struct insn *i = d->out;

	if (f->flags & F_FIXED)
		i->size = 0;
	else if (f->flags & F_BYTE)
		i->size = 1;
	else if (f->flags & F_QUAD || d->rex & REX_W)
		i->size = 8;
	else
		i->size = d->opsize ? 2 : 4;
	i->src_size = f->src_size ? f->src_size : i->size;
	if (!(f->flags & (F_FIXED | F_BYTE | F_QUAD)))
		d->used |= REX_W;
}

static bool may_lock(uint8_t op)
{
	return (op >= OP_ADD && op <= OP_XOR) || (op >= OP_INC && op <= OP_NEG) || op == OP_BTS ||
	       op == OP_BTX || op == OP_XADD || op == OP_CMPXCHG;
}

/* Every prefix must change something, and something that the form allows. */
static void check_prefixes(struct decoder *d, const struct form *f)
{
	const struct insn *i = d->out;
	bool sized = !(f->flags & (F_FIXED | F_BYTE | F_QUAD));
	bool memory = i->dst == OPND_MEM || i->src == OPND_MEM;

	if (d->opsize && (!sized || d->rex & REX_W))
		refuse(d, VERIFY_PREFIX, "operand-size prefix without effect");
	if (d->rex & ~d->used & 0xf)
		refuse(d, VERIFY_PREFIX, "bit of REX without effect");
	if (d->has_rex && !(d->rex & 0xf) && !d->byte_reg)
		refuse(d, VERIFY_PREFIX, "REX without effect");
	if (f->flags & F_WIDE && !(d->rex & REX_W))
		refuse(d, VERIFY_PREFIX, "form needs REX.W");
	if (d->rep != !!(f->flags & F_REP))
		refuse(d, VERIFY_PREFIX, "repeat prefix only, and always, on movs and stos");
	if (i->lock && !(may_lock(i->op) && i->dst == OPND_MEM))
		refuse(d, VERIFY_PREFIX, "lock without a memory destination");
	if (i->mem.seg && (!memory || f->flags & F_HINT))
		refuse(d, VERIFY_PREFIX, "segment prefix without an access");
	if (f->src_size && i->size <= f->src_size && d->opsize)
		refuse(d, VERIFY_PREFIX, "extension to the same size");
	if (f->args == A_A_O && i->src == RAX)
		refuse(d, VERIFY_PREFIX, "nop with prefixes");
	if (f->args == A_O && d->opsize)
		refuse(d, VERIFY_PREFIX, "bswap of 16 bits is undefined");
}

static bool take_literal(struct decoder *d)
{
	for (unsigned k = 0; k < sizeof(literal) / sizeof(literal[0]); k++) {
		unsigned n = literal[k].len;

		if (d->avail < n || __builtin_memcmp(d->code, literal[k].bytes, n))
			continue;
		d->out->op = OP_NOP;
		d->out->len = (uint8_t)n;
		return true;
	}
	return false;
}

/* 9c, 48|49 0f ba e8+r 2f, 9d: a guard where flags are live. Nothing can come between the three. */
static bool take_flag_guard(struct decoder *d)
{
	const uint8_t *c = d->code;

	if (d->avail < 7 || c[0] != 0x9c || (c[1] & 0xfe) != 0x48 || c[2] != 0x0f || c[3] != 0xba ||
	    (c[4] & 0xf8) != 0xe8 || c[5] != 47 || c[6] != 0x9d)
		return false;
	d->out->op = OP_GUARD;
	d->out->size = 8;
	d->out->dst = (c[4] & 7) | (c[1] & 1 ? 8 : 0);
	d->out->len = 7;
	return true;
}

/* REX and modrm of a 64-bit instruction; `base` is modrm without its registers. */
#define REX(reg, rm)         (uint8_t)(0x48 | ((reg)&8 ? REX_R : 0) | ((rm)&8 ? REX_B : 0))
#define MODRM(base, reg, rm) (uint8_t)((base) | ((reg)&7) << 3 | ((rm)&7))

enum { LOOKUP_CALL = 35, LOOKUP_LEN = 47 }; /* where the distance of its call is; its bytes */

/* Byte for byte the one of the three registers that its two `mov` name, bare or in 9c .. 9d. */
static bool take_lookup(struct decoder *d)
{
	bool flags = d->avail && d->code[0] == 0x9c;
	const uint8_t *c = d->code + flags, *to = c + LOOKUP_CALL;
	uint8_t s, t, u;

	if (d->avail < LOOKUP_LEN + 2u * flags || (flags && c[LOOKUP_LEN] != 0x9d))
		return false;
	s = (c[2] >> 3 & 7) | (c[0] & REX_R ? 8 : 0);
	t = (c[2] & 7) | (c[0] & REX_B ? 8 : 0);
	u = (c[12] & 7) | (c[10] & REX_B ? 8 : 0);
	/* clang-format off */
	const uint8_t want[LOOKUP_LEN] = {
		REX(s, t), 0x89, MODRM(0xc0, s, t), /* mov t,s; and t,-4096 */
		REX(0, t), 0x81, MODRM(0xe0, 0, t), 0x00, 0xf0, 0xff, 0xff,
		REX(s, u), 0x89, MODRM(0xc0, s, u), /* mov u,s; shr u,8; and u,0xfff0 */
		REX(0, u), 0xc1, MODRM(0xe8, 0, u), 8,
		REX(0, u), 0x81, MODRM(0xe0, 0, u), 0xf0, 0xff, 0x00, 0x00,
		0x65, REX(t, u), 0x3b, MODRM(0x80, t, u), 0x00, 0x10, 0x00, 0x00, /* cmp t,gs:[] */
		0x74, 5, 0xe8, to[0], to[1], to[2], to[3], /* je 1f; call; 1: xor s,gs:[] */
		0x65, REX(s, u), 0x33, MODRM(0x80, s, u), 0x08, 0x10, 0x00, 0x00 };
	/* clang-format on */
	if (__builtin_memcmp(c, want, LOOKUP_LEN) || s == RSP || t == RSP || (u & 7) == RSP ||
	    s == t || s == u || t == u)
		return false;
	*d->out = (struct insn){ .op = OP_LOOKUP, .dst = s, .src = t, .mem.base = u };
	d->out->len = LOOKUP_LEN + 2 * flags;
	d->out->size = flags ? 16 : 8;
	d->out->imm = (int32_t)(to[0] | to[1] << 8 | to[2] << 16 | (uint32_t)to[3] << 24);
	d->out->imm -= LOOKUP_LEN - LOOKUP_CALL - 4 + flags; /* from behind it all */
	return true;
}

static void decode_form(struct decoder *d)
{
	struct form f = { 0 };

	take_prefixes(d);
	if (!d->rule)
		f = take_form(d);
	if (f.op == OP_NONE) { /* refused; or, in tests, one byte that does nothing */
		*d->out = (struct insn){ .op = OP_NOP, .dst = OPND_NONE, .src = OPND_NONE };
		d->at = 1;
		return;
	}
	d->out->op = f.op;
	set_size(d, &f);
	if (f.args >= A_E && f.args <= A_E_C && d->modrm >> 6 != 3)
		take_memory(d);
	if (f.flags & (d->modrm >> 6 == 3 ? F_MEM : F_REG))
		refuse(d, VERIFY_OPCODE, "operand form is not on the allow-list");
	set_operands(d, &f);
	take_immediate(d, &f);
	check_prefixes(d, &f);
}

enum verify_rule insn_decode(const uint8_t *code, uint32_t avail, uint64_t disabled,
			     struct insn *out, const char **reason)
{
	struct decoder d = { .code = code, .avail = avail, .disabled = disabled, .out = out };

	*out = (struct insn){ .dst = OPND_NONE, .src = OPND_NONE };
	out->mem.base = out->mem.index = OPND_NONE;
	out->mem.scale = 1;
	if (take_literal(&d) || take_flag_guard(&d) || take_lookup(&d))
		return VERIFY_OK;
	decode_form(&d);
	out->len = (uint8_t)(d.at ? d.at : 1);
	*reason = d.reason;
	return d.rule;
}
