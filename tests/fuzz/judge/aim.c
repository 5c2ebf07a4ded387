/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mutations aimed at one rule of the judge each: code that breaks this rule and, as far as it can
 * be, no other, laid over instructions that are likely to run. Most of these images are refused;
 * with the rule left out enough are accepted, and one of them escapes (test_campaign.py).
 */
#include <string.h>

#include "campaign.h"

#define MOST 20 /* bytes of an aim's code */

struct code {
	uint8_t bytes[MOST];
	uint32_t n;
};

static void add(struct code *c, const char *bytes, uint32_t n)
{
	memcpy(c->bytes + c->n, bytes, n);
	c->n += n;
}

static void add32(struct code *c, uint32_t v)
{
	memcpy(c->bytes + c->n, &v, 4);
	c->n += 4;
}

#define ADD(c, bytes) add(c, bytes, sizeof(bytes) - 1)

/* Does a relocation write to any of the bytes? */
static bool is_relocated(const struct subject *s, const uint8_t *img, uint32_t at, uint32_t n)
{
	const struct twin_header *h = (const void *)(img + TWIN_HEADER_OFFSET);
	const struct twin_reloc *r = (const void *)(img + h->table[TWIN_TABLE_RELOCS].offset);

	for (uint32_t k = 0; k < h->table[TWIN_TABLE_RELOCS].count; k++)
		if (r[k].where < at + n && at < r[k].where + 8)
			return true;
	return at + n > s->text_size;
}

/* Index of the instruction at an offset, or of the next one. */
static uint32_t index_of(const struct subject *s, uint32_t offset)
{
	uint32_t n = 0;

	while (n + 1 < s->insns && s->insn[n] < offset)
		n++;
	return n;
}

/* An instruction that is likely to run: soon behind the begin of a function, mostly. */
static uint32_t likely(const struct subject *s, const uint8_t *img)
{
	const struct twin_header *h = (const void *)(img + TWIN_HEADER_OFFSET);
	const struct twin_function *f = (const void *)(img + h->table[TWIN_TABLE_FUNCTIONS].offset);
	uint32_t n = h->table[TWIN_TABLE_FUNCTIONS].count;

	if (!n || below(8) == 0)
		return below(s->insns);
	n = index_of(s, f[below(n)].twin_offset) + below(40);
	return n < s->insns ? n : s->insns - 1;
}

/*
 * A place for n bytes: whole instructions, no relocation in them. *end is where the last one ends;
 * 0 when none was found.
 */
static uint32_t place(const struct subject *s, const uint8_t *img, uint32_t n, uint32_t *end)
{
	for (unsigned int tries = 0; tries < 50; tries++) {
		uint32_t first = likely(s, img), last = first;

		while (last < s->insns && s->insn[last] < s->insn[first] + n)
			last++;
		*end = last < s->insns ? s->insn[last] : s->text_size;
		if (*end - s->insn[first] >= n &&
		    !is_relocated(s, img, s->insn[first], *end - s->insn[first]))
			return s->insn[first];
	}
	*end = 0;
	return 0;
}

static void lay(const struct subject *s, uint8_t *img, const struct code *c)
{
	uint32_t end, at = place(s, img, c->n, &end);

	if (!end)
		return;
	memset(img + s->text + at, 0x90, end - at);
	memcpy(img + s->text + at, c->bytes, c->n);
}

/* A jump (e9) or call (e8) over the instructions from at to end. */
static void branch_to(const struct subject *s, uint8_t *img, uint8_t opcode, uint32_t at,
		      uint32_t end, uint32_t to)
{
	int32_t d = (int32_t)(to - (at + 5));

	memset(img + s->text + at, 0x90, end - at);
	img[s->text + at] = opcode;
	memcpy(img + s->text + at + 1, &d, 4);
}

/* A register but rsp, as it stands in the low three bits of modrm. */
static uint8_t some_register(void)
{
	uint8_t r;

	do
		r = (uint8_t)below(8);
	while (r == RSP);
	return r;
}

/* The last byte added gets a register in its low bits. */
static void with_register(struct code *c)
{
	c->bytes[c->n - 1] |= some_register();
}

static void rip_relative(struct code *c)
{
	if (below(2))
		ADD(c, "\x48\x8b\x05"); /* mov rax, [rip+d] */
	else
		ADD(c, "\x48\x89\x05");
	add32(c, (uint32_t)rnd());
}

static void absolute(struct code *c)
{
	ADD(c, "\x48\x8b\x04\x25"); /* mov rax, [d] */
	add32(c, (uint32_t)rnd() & 0x7fffffff);
}

static void gs_form(struct code *c)
{
	if (below(2)) {
		ADD(c, "\x65\x48\x8b\x04\x25"); /* mov rax, gs:[d] */
		add32(c, (uint32_t)rnd());
	} else {
		ADD(c, "\x65\x48\x8b\x00"); /* mov rax, gs:[reg] */
		c->bytes[c->n - 1] |= below(2) ? RDI : RSI;
	}
}

static void fs_form(struct code *c)
{
	ADD(c, "\x64\x48\x8b\x00"); /* mov rax, fs:[reg] */
	c->bytes[c->n - 1] |= below(2) ? RDI : RSI;
}

static void string(struct code *c)
{
	switch (below(3)) {
	case 0:
		ADD(c, "\xf3\x48\xab"); /* rep stosq */
		break;
	case 1:
		ADD(c, "\xf3\xaa");
		break;
	default:
		ADD(c, "\xf3\xa4"); /* rep movsb */
		break;
	}
}

static void rsp_write(struct code *c)
{
	switch (below(3)) {
	case 0:
		ADD(c, "\x48\x89\xc4"); /* mov rsp, rax, or another one of the first four */
		c->bytes[c->n - 1] |= (uint8_t)(below(4) << 3);
		break;
	case 1:
		ADD(c, "\x48\x83\xe4"); /* and rsp, d */
		c->bytes[c->n++] = (uint8_t)(below(2) ? 0x80 : 0xf0);
		break;
	default:
		ADD(c, "\x48\x83\xec\x04"); /* sub rsp, 4 */
		break;
	}
}

static void depth(struct code *c)
{
	ADD(c, "\x70\x01\x50"); /* jcc over a push */
	with_register(c);
	c->bytes[0] |= (uint8_t)below(16);
}

static void branch(struct code *c)
{
	if (below(2)) {
		ADD(c, "\x70\x01\x48\x89\xc0"); /* jcc behind the REX of mov rax, rax */
		c->bytes[0] |= (uint8_t)below(16);
	} else {
		ADD(c, "\x0f\x80"); /* jcc out of the text */
		c->bytes[1] |= (uint8_t)below(16);
		add32(c, (uint32_t)rnd() & 0x7fffffff);
	}
}

static void indirect(struct code *c)
{
	ADD(c, "\xff\xd0"); /* call reg */
	with_register(c);
}

/* A call out of the text, of nothing that is offered. */
static void target(struct code *c)
{
	ADD(c, "\xe8");
	add32(c, (uint32_t)rnd());
}

/* A read that may lie above the return address: where the function has no stack arguments. */
static void args(struct code *c)
{
	ADD(c, "\x48\x8b\x84\x24"); /* mov rax, [rsp+d] */
	add32(c, 8 * below(40));
}

static void frame_init(struct code *c)
{
	ADD(c, "\x48\x8b\x44\x24"); /* mov rax, [rsp+d] */
	c->bytes[c->n++] = (uint8_t)(8 * below(16));
}

static void second_stack(struct code *c)
{
	ADD(c, "\x48\x8d\x44\x04\x08"); /* lea rax, [rsp+reg+8] */
	c->bytes[3] |= (uint8_t)(some_register() << 3);
	ADD(c, "\x48\x89\x00"); /* mov [rax], rax */
}

static void stack_limit(struct code *c)
{
	ADD(c, "\x48\x81\xec"); /* sub rsp, d; mov [rsp], rax; add rsp, d */
	add32(c, 2 * STACK_LIMIT);
	ADD(c, "\x48\x89\x04\x24\x48\x81\xc4");
	add32(c, 2 * STACK_LIMIT);
}

/* The last instruction becomes nothing, and a jump leads there. */
static void fall_off(const struct subject *s, uint8_t *img)
{
	uint32_t last = s->insn[s->insns - 1], end, at = place(s, img, 5, &end);

	memset(img + s->text + last, 0x90, s->text_size - last);
	if (end)
		branch_to(s, img, 0xe9, at, end, last);
}

/* A return, or a jump, in front of padding becomes nothing. */
static void fall(const struct subject *s, uint8_t *img)
{
	uint8_t *t = img + s->text;
	uint32_t first = below(s->insns);

	if (below(2)) {
		fall_off(s, img);
		return;
	}
	for (uint32_t k = 0; k < s->insns; k++) {
		uint32_t n = (first + k) % s->insns, at = s->insn[n];
		uint32_t end = n + 1 < s->insns ? s->insn[n + 1] : s->text_size;

		if ((t[at] == 0xc3 || t[at] == 0xe9 || t[at] == 0xeb) &&
		    (end == s->text_size || t[end] == 0xcc)) {
			memset(t + at, 0x90, end - at);
			return;
		}
	}
}

/* A pop of a register that callers keep facts in becomes one of another register. */
static void saved(const struct subject *s, uint8_t *img)
{
	static const uint8_t instead[] = { RAX, RCX, RDX, RSI };
	uint8_t *t = img + s->text;
	uint32_t first = below(s->insns);

	for (uint32_t k = 0; k < s->insns; k++) {
		uint32_t at = s->insn[(first + k) % s->insns];

		if (t[at] == 0x5b || t[at] == 0x5d) { /* rbx, rbp */
			t[at] = 0x58 | instead[below(4)];
			return;
		}
		if (t[at] == 0x41 && (t[at + 1] & 0xfc) == 0x5c) { /* r12 .. r15 */
			t[at + 1] = (uint8_t)(0x58 | below(4));
			return;
		}
	}
}

/* A call of the function that it stands in. */
static void recursion(const struct subject *s, uint8_t *img)
{
	const struct twin_header *h = (const void *)(img + TWIN_HEADER_OFFSET);
	const struct twin_function *f = (const void *)(img + h->table[TWIN_TABLE_FUNCTIONS].offset);
	uint32_t begin = 0, end, at = place(s, img, 5, &end);

	if (!end)
		return;
	for (uint32_t k = 0; k < h->table[TWIN_TABLE_FUNCTIONS].count; k++)
		if (f[k].twin_offset <= at && f[k].twin_offset > begin)
			begin = f[k].twin_offset;
	branch_to(s, img, 0xe8, at, end, begin);
}

static const struct {
	enum verify_rule rule;
	void (*make)(struct code *c);                          /* laid over something, or */
	void (*change)(const struct subject *s, uint8_t *img); /* in its own way */
} aims[] = {
	{ VERIFY_RIP_RELATIVE, rip_relative, NULL },
	{ VERIFY_INDIRECT, indirect, NULL },
	{ VERIFY_ABSOLUTE, absolute, NULL },
	{ VERIFY_FS_FORM, fs_form, NULL },
	{ VERIFY_GS_FORM, gs_form, NULL },
	{ VERIFY_STRING, string, NULL },
	{ VERIFY_RSP_WRITE, rsp_write, NULL },
	{ VERIFY_SECOND_STACK, second_stack, NULL },
	{ VERIFY_FRAME_INIT, frame_init, NULL },
	{ VERIFY_DEPTH, depth, NULL },
	{ VERIFY_BRANCH, branch, NULL },
	{ VERIFY_TARGET, target, NULL },
	{ VERIFY_FALL, NULL, fall },
	{ VERIFY_ARGS, args, NULL },
	{ VERIFY_SAVED, NULL, saved },
	{ VERIFY_RECURSION, NULL, recursion },
	{ VERIFY_STACK_LIMIT, stack_limit, NULL },
};

#define NR_AIMS (sizeof(aims) / sizeof(aims[0]))

void mutate_aim(const struct subject *s, uint8_t *img, enum verify_rule rule)
{
	uint32_t n = below(NR_AIMS);

	for (uint32_t k = 0; k < NR_AIMS; k++)
		if (aims[k].rule == rule)
			n = k;
	if (aims[n].make) {
		struct code c = { .n = 0 };

		aims[n].make(&c);
		lay(s, img, &c);
	} else {
		aims[n].change(s, img);
	}
}
