/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random programs for the fuzzer, rich in what the judge has rules for. */
#include <string.h>

#include "fuzz.h"

static void byte(struct program *p, unsigned b)
{
	p->code[p->size++] = (uint8_t)b;
}

static void bytes(struct program *p, uint64_t v, unsigned n)
{
	while (n--) {
		byte(p, v & 0xff);
		v >>= 8;
	}
}

static uint64_t displacement(void)
{
	static const uint32_t d[] = { 0, 8, 64, 0xfffffff8, 0x7fffffff, 0x80000000, 4096 };

	return d[below(7)];
}

/* modrm with a memory operand; base r, and half of the time an index x. */
static void memory(struct program *p, unsigned reg, unsigned r, unsigned x, bool index)
{
	byte(p, 0x80 | (reg & 7) << 3 | (index ? 4 : r & 7));
	if (index)
		byte(p, below(4) << 6 | (x & 7) << 3 | (r & 7));
	bytes(p, displacement(), 4);
}

static unsigned some_register(void)
{
	unsigned r;

	do
		r = below(16);
	while ((r & 7) == 4);
	return r;
}

static void rex(struct program *p, unsigned w, unsigned reg, unsigned x, unsigned rm)
{
	unsigned v = w << 3 | (reg >> 3) << 2 | (x >> 3) << 1 | rm >> 3;

	if (v)
		byte(p, 0x40 | v);
}

/* movzx, movsx, cmov, imul, bsr, xadd, cmpxchg, shld */
static void two_byte_opcode(struct program *p, unsigned r, unsigned s)
{
	static const uint8_t ops[] = { 0xb6, 0xb7, 0xbe, 0xbf, 0x44, 0x45,
				       0xaf, 0xbd, 0xc1, 0xb1, 0xa5 };

	rex(p, 1, s, 0, r);
	byte(p, 0x0f);
	byte(p, ops[below(sizeof(ops))]);
	byte(p, 0xc0 | (s & 7) << 3 | (r & 7));
}

/* push, pop, spill, reload, and the same on the second stack */
static void stack_access(struct program *p, unsigned r, unsigned s)
{
	if (below(2)) {
		rex(p, 0, 0, 0, r);
		byte(p, (below(2) ? 0x50 : 0x58) | (r & 7));
		return;
	}
	if (!below(4))
		byte(p, 0x64);
	rex(p, 1, s, 0, 0);
	byte(p, below(2) ? 0x8b : 0x89);
	byte(p, 0x44 | (s & 7) << 3);
	byte(p, 0x24);
	byte(p, 8 * below(5));
}

/* An address on the second stack: lea r, [rsp+r+d]. */
static void stack_address(struct program *p, unsigned r)
{
	rex(p, 1, 0, 0, 0);
	byte(p, 0xb8 | r);
	bytes(p, DISTANCE, 8);
	rex(p, 1, 0, 0, 0);
	byte(p, 0x8d);
	byte(p, 0x44 | r << 3);
	byte(p, 0x04 | r << 3);
	byte(p, 8 * below(4));
}

static void random_instruction(struct program *p)
{
	unsigned r = some_register(), s = some_register(), x = some_register(), w = below(3) > 0;
	unsigned kind = below(20);

	switch (kind) {
	case 0:
	case 1:
	case 2: /* guard */
		rex(p, 1, 0, 0, r);
		bytes(p, 0xba0f, 2);
		byte(p, 0xe8 | (r & 7));
		byte(p, below(16) ? 47 : 63);
		break;
	case 3: /* flag-live guard */
		byte(p, 0x9c);
		rex(p, 1, 0, 0, r);
		bytes(p, 0xba0f, 2);
		byte(p, 0xe8 | (r & 7));
		bytes(p, 0x9d2f, 2);
		break;
	case 4:
	case 5:
	case 6: /* load, store, lea */
	case 7: {
		bool index = below(2);

		rex(p, kind == 7 || w, s, index ? x : 0, r);
		byte(p, kind == 7 ? 0x8d : below(2) ? 0x8b : 0x89);
		memory(p, s, r, x, index);
		break;
	}
	case 8:
	case 9: { /* two-register operation */
		static const uint8_t ops[] = { 0x01, 0x09, 0x11, 0x19, 0x21, 0x29,
					       0x31, 0x39, 0x85, 0x87, 0x89 };

		rex(p, w, s, 0, r);
		byte(p, ops[below(sizeof(ops))]);
		byte(p, 0xc0 | (s & 7) << 3 | (r & 7));
		break;
	}
	case 10: { /* with an immediate */
		rex(p, w, 0, 0, r);
		byte(p, 0x81);
		byte(p, 0xc0 | below(8) << 3 | (r & 7));
		bytes(p, below(2) ? displacement() : rnd(), 4);
		break;
	}
	case 11: /* shift */
		rex(p, w, 0, 0, r);
		byte(p, 0xc1);
		byte(p, 0xc0 | (4 + below(2)) << 3 | (r & 7));
		byte(p, below(64));
		break;
	case 12:
	case 13:
		two_byte_opcode(p, r, s);
		break;
	case 14: /* constants */
		rex(p, 1, 0, 0, r);
		if (below(2)) {
			byte(p, 0xb8 | (r & 7));
			bytes(p, below(2) ? DISTANCE : rnd(), 8);
		} else {
			byte(p, 0xc7);
			byte(p, 0xc0 | (r & 7));
			bytes(p, displacement(), 4);
		}
		break;
	case 15:
		stack_access(p, r, s);
		break;
	case 16:
		stack_address(p, r & 7);
		break;
	case 17: /* byte and word registers */
		if (w)
			byte(p, 0x66);
		byte(p, 0x88 + w);
		byte(p, 0xc0 | below(4) << 3 | below(4));
		break;
	case 18: /* string */
		byte(p, 0xf3);
		byte(p, below(2) ? 0xaa : 0xa4);
		break;
	default: /* call of a native */
		byte(p, 0xe8);
		bytes(p, NATIVES + NATIVE_SIZE * below(3) - (BASE + p->size + 4), 4);
		break;
	}
}

/* Conditional jumps are patched in afterwards: forward or back, to the start of an instruction. */
void program_make(struct program *p)
{
	unsigned n = 4 + below(40), jumps[8], nr_jumps = 0, count = 0;
	uint32_t at[64];
	bool frame = below(2);

	p->size = 0;
	if (frame)
		bytes(p, 0x20ec8348, 4); /* sub rsp, 32 */
	for (unsigned k = 0; k < n; k++) {
		at[count++] = p->size;
		if (nr_jumps < 8 && !below(8)) {
			bytes(p, below(2) ? 0x840f : 0x850f, 2);
			jumps[nr_jumps++] = p->size;
			bytes(p, 0, 4);
		} else {
			random_instruction(p);
		}
	}
	at[count++] = p->size;
	if (frame)
		bytes(p, 0x20c48348, 4);
	byte(p, 0xc3);
	for (unsigned k = 0; k < nr_jumps; k++) {
		int32_t d = (int32_t)at[below(count)] - (int32_t)(jumps[k] + 4);

		memcpy(p->code + jumps[k], &d, 4);
	}
}
