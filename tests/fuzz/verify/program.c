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
static void two_byte_opcode(struct program *p)
{
	static const uint8_t ops[] = { 0xb6, 0xb7, 0xbe, 0xbf, 0x44, 0x45,
				       0xaf, 0xbd, 0xc1, 0xb1, 0xa5 };
	unsigned r = some_register(), s = some_register();

	rex(p, 1, s, 0, r);
	byte(p, 0x0f);
	byte(p, ops[below(sizeof(ops))]);
	byte(p, 0xc0 | (s & 7) << 3 | (r & 7));
}

/* push, pop, spill, reload, and the same on the second stack */
static void stack_access(struct program *p)
{
	unsigned r = some_register(), s = some_register();

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
static void stack_address(struct program *p)
{
	unsigned r = some_register() & 7;

	rex(p, 1, 0, 0, 0);
	byte(p, 0xb8 | r);
	bytes(p, DISTANCE, 8);
	rex(p, 1, 0, 0, 0);
	byte(p, 0x8d);
	byte(p, 0x44 | r << 3);
	byte(p, 0x04 | r << 3);
	byte(p, 8 * below(4));
}

static void guard(struct program *p)
{
	unsigned r = some_register();

	rex(p, 1, 0, 0, r);
	bytes(p, 0xba0f, 2);
	byte(p, 0xe8 | (r & 7));
	byte(p, below(16) ? 47 : 63);
}

/* The guard where flags are live: pushfq, bts, popfq. */
static void flag_guard(struct program *p)
{
	unsigned r = some_register();

	byte(p, 0x9c);
	rex(p, 1, 0, 0, r);
	bytes(p, 0xba0f, 2);
	byte(p, 0xe8 | (r & 7));
	bytes(p, 0x9d2f, 2);
}

static void load_or_store(struct program *p)
{
	unsigned r = some_register(), s = some_register(), x = some_register();
	bool index = below(2);

	rex(p, below(3) > 0, s, index ? x : 0, r);
	byte(p, below(2) ? 0x8b : 0x89);
	memory(p, s, r, x, index);
}

static void lea(struct program *p)
{
	unsigned r = some_register(), s = some_register(), x = some_register();
	bool index = below(2);

	rex(p, 1, s, index ? x : 0, r);
	byte(p, 0x8d);
	memory(p, s, r, x, index);
}

static void two_registers(struct program *p)
{
	static const uint8_t ops[] = { 0x01, 0x09, 0x11, 0x19, 0x21, 0x29,
				       0x31, 0x39, 0x85, 0x87, 0x89 };
	unsigned r = some_register(), s = some_register();

	rex(p, below(3) > 0, s, 0, r);
	byte(p, ops[below(sizeof(ops))]);
	byte(p, 0xc0 | (s & 7) << 3 | (r & 7));
}

static void with_immediate(struct program *p)
{
	unsigned r = some_register();

	rex(p, below(3) > 0, 0, 0, r);
	byte(p, 0x81);
	byte(p, 0xc0 | below(8) << 3 | (r & 7));
	bytes(p, below(2) ? displacement() : rnd(), 4);
}

static void shift(struct program *p)
{
	unsigned r = some_register();

	rex(p, below(3) > 0, 0, 0, r);
	byte(p, 0xc1);
	byte(p, 0xc0 | (4 + below(2)) << 3 | (r & 7));
	byte(p, below(64));
}

static void constant(struct program *p)
{
	unsigned r = some_register();

	rex(p, 1, 0, 0, r);
	if (below(2)) {
		byte(p, 0xb8 | (r & 7));
		bytes(p, below(2) ? DISTANCE : rnd(), 8);
	} else {
		byte(p, 0xc7);
		byte(p, 0xc0 | (r & 7));
		bytes(p, displacement(), 4);
	}
}

/* byte and word registers */
static void narrow(struct program *p)
{
	unsigned word = below(3) > 0;

	if (word)
		byte(p, 0x66);
	byte(p, 0x88 + word);
	byte(p, 0xc0 | below(4) << 3 | below(4));
}

static void string(struct program *p)
{
	byte(p, 0xf3);
	byte(p, below(2) ? 0xaa : 0xa4);
}

static void native_call(struct program *p)
{
	byte(p, 0xe8);
	bytes(p, p->targets[below(p->nr_targets)].addr - (TWIN_BASE + p->size + 4), 4);
}

static void random_instruction(struct program *p)
{
	static void (*const some[])(struct program * p) = {
		guard,           guard,           guard,          flag_guard,
		load_or_store,   load_or_store,   load_or_store,  lea,
		two_registers,   two_registers,   with_immediate, shift,
		two_byte_opcode, two_byte_opcode, constant,       stack_access,
		stack_address,   narrow,          string,         native_call,
	};

	some[below(sizeof(some) / sizeof(some[0]))](p);
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
