/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mutations of a .twin file's text; those of its tables are in mutate_tables.c. */
#include <string.h>

#include "campaign.h"

/* The index of the first instruction, from a random one on, for which is() holds; -1: none. */
static int pick(const struct subject *s, const uint8_t *t, bool (*is)(const struct insn *i))
{
	uint32_t first = below(s->insns);

	for (uint32_t k = 0; k < s->insns; k++) {
		uint32_t n = (first + k) % s->insns, at = s->insn[n];
		const char *why;
		struct insn i;

		if (insn_decode(t + at, s->text_size - at, ~0ull, &i, &why) == VERIFY_OK && is(&i))
			return (int)n;
	}
	return -1;
}

static bool is_guard(const struct insn *i)
{
	return i->op == OP_GUARD ||
	       (i->op == OP_BTS && i->size == 8 && i->src == OPND_IMM && i->imm == 47);
}

static bool is_branch(const struct insn *i)
{
	return i->op == OP_JMP || i->op == OP_JCC || i->op == OP_CALL;
}

/* Moves the stack pointer, or names memory by it. */
static bool is_stack(const struct insn *i)
{
	return (i->dst == RSP && i->src == OPND_IMM) ||
	       ((i->dst == OPND_MEM || i->src == OPND_MEM) && i->mem.base == RSP);
}

static bool is_any(const struct insn *i)
{
	return i->op != OP_INT3;
}

/* Where instruction n ends: with a modrm operand its displacement or immediate ends there too. */
static uint32_t end_of(const struct subject *s, int n)
{
	return (uint32_t)n + 1 < s->insns ? s->insn[n + 1] : s->text_size;
}

static void flip(const struct subject *s, uint8_t *t)
{
	for (unsigned int n = 1 + below(3); n--;)
		t[below(s->text_size)] ^= (uint8_t)(1u << below(8));
}

static void drop(const struct subject *s, uint8_t *t)
{
	for (unsigned int n = 1 + below(2); n--;) {
		int k = pick(s, t, is_guard);

		if (k >= 0)
			for (uint32_t at = s->insn[k]; at < end_of(s, k); at++)
				t[at] = 0x90;
	}
}

/* A guard changes places with up to six instructions before or behind it. */
static void move(const struct subject *s, uint8_t *t)
{
	int k = pick(s, t, is_guard), far = 1 + (int)below(6);
	uint8_t guard[8];
	uint32_t n, at;

	if (k < far || k + far + 1 >= (int)s->insns)
		return;
	at = s->insn[k];
	n = end_of(s, k) - at;
	memcpy(guard, t + at, n);
	if (below(2)) {
		uint32_t to = s->insn[k - far];

		memmove(t + to + n, t + to, at - to);
		memcpy(t + to, guard, n);
	} else {
		uint32_t to = s->insn[k + far + 1];

		memmove(t + at, t + at + n, to - at - n);
		memcpy(t + to - n, guard, n);
	}
}

/* Another register, size or operation: bits of REX, opcode, modrm and SIB. */
static void change(const struct subject *s, uint8_t *t)
{
	for (unsigned int n = 1 + below(2); n--;) {
		int k = pick(s, t, below(4) ? is_any : is_guard);
		uint32_t at = s->insn[k < 0 ? 0 : k], size = end_of(s, k < 0 ? 0 : k) - at;

		if (size > 4)
			size = 4;
		t[at + below(size)] ^= (uint8_t)(1u << below(6));
	}
}

/* A branch goes elsewhere: some bytes beside its target, to any byte, or to any instruction. */
static void jump(const struct subject *s, uint8_t *t)
{
	int k = pick(s, t, is_branch);
	uint32_t end, to;
	int32_t d;

	if (k < 0)
		return;
	end = end_of(s, k);
	if (end - s->insn[k] == 2) {
		t[end - 1] = below(2) ? (uint8_t)rnd() : (uint8_t)(t[end - 1] + below(8) - 4);
		return;
	}
	memcpy(&d, t + end - 4, 4);
	to = below(3) ? s->insn[below(s->insns)] : below(s->text_size);
	d = below(3) ? (int32_t)(to - end) : (int32_t)((uint32_t)d + below(16) - 8);
	memcpy(t + end - 4, &d, 4);
}

/* Frames grow and shrink, slots slide, pushes and pops go missing. */
static void stretch(const struct subject *s, uint8_t *t)
{
	static const uint8_t by[] = { 8, 16, 0xf8, 0xf0, 4, 1, 0x80, 64 };
	int k = pick(s, t, is_stack);
	uint32_t at;

	if (below(4) == 0) { /* a push or pop becomes another, or nothing */
		k = (int)below(s->insns);
		at = s->insn[k];
		if (end_of(s, k) - at == 1)
			t[at] = below(2) ? 0x90 : (uint8_t)(0x50 + below(16));
		return;
	}
	if (k < 0)
		return;
	at = end_of(s, k) - 1;
	t[at] = (uint8_t)(t[at] + by[below(sizeof(by))]);
}

/* An instruction is copied over another one, filled up with nops. */
static void splice(const struct subject *s, uint8_t *t)
{
	for (unsigned int n = 1 + below(3); n--;) {
		uint32_t from = below(s->insns), to = below(s->insns);
		uint32_t a = s->insn[from], b = s->insn[to];
		uint32_t len = end_of(s, (int)from) - a, room = end_of(s, (int)to) - b;

		if (len > room)
			continue;
		memmove(t + b, t + a, len);
		memset(t + b + len, 0x90, room - len);
	}
}

static void apply(const struct subject *s, uint8_t *img, enum mutation kind)
{
	static void (*const of_text[])(const struct subject *s, uint8_t *t) = {
		[MUTATION_flip] = flip,     [MUTATION_drop] = drop, [MUTATION_move] = move,
		[MUTATION_change] = change, [MUTATION_jump] = jump, [MUTATION_stretch] = stretch,
		[MUTATION_splice] = splice,
	};

	if (kind < sizeof(of_text) / sizeof(of_text[0]) && of_text[kind])
		of_text[kind](s, img + s->text);
	else if (kind == MUTATION_aim)
		mutate_aim(s, img, s->rule);
	else
		mutate_tables(s, img, kind);
}

void mutate(const struct subject *s, uint8_t *img, enum mutation kind)
{
	memcpy(img, s->file, s->size);
	if (kind != MUTATION_meta && below(4) == 0) /* meta comes last: it may move tables */
		apply(s, img, below(MUTATION_meta));
	apply(s, img, kind);
	seal(img, s->size);
}
