/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzer of the judge, deterministic by seed and bounded in time.
 *
 * Two properties. (1) No byte string makes the judge crash, read outside its buffers (sanitizers) or
 * run beyond its step budget. (2) Code that it accepts, run in an emulator with hostile registers
 * and hostile memory, touches nothing of the lower half but its own stack frames, the gs block and
 * the zones that R2 keeps empty, keeps its stack pointer inside the limit, leaves the blob only
 * to allowed targets, and returns with the callee-saved registers it was entered with.
 *
 * Programs are made of random instructions. Where the judge objects to one it is replaced by a nop
 * until the program is accepted: so what runs lies close to the edge of what is accepted.
 *
 * Environment: VERIFY_FUZZ_SECONDS (10), VERIFY_FUZZ_SEED (1), VERIFY_FUZZ_DISABLED (0; mask of rules
 * not to apply: the fuzzer must then find violations). A failure prints seed and program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unicorn/unicorn.h>

#include "drivers/verify/decode.h"

#define BASE         0x20001000000ull
#define NATIVES      0x20000200000ull
#define STACK        0x20002000000ull /* two pages below it, one above */
#define GS           0x20003000000ull
#define SECOND       0xffff888005b50000ull
#define DISTANCE     (SECOND - STACK)
#define STACK_LIMIT  512
#define MAX_CODE     512
#define REACH        (1ull << 40)
#define CALLEE_SAVED 0xf028u

static uint64_t rng;

static uint64_t rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1d;
}

static unsigned below(unsigned n)
{
	return (unsigned)(rnd() >> 33) % n;
}

/* ---- programs ---- */

struct program {
	uint8_t code[MAX_CODE];
	uint32_t size;
	uint32_t at[128], count; /* starts of the instructions */
};

static struct verify_target natives[] = {
	{ NATIVES, 0, 0 },
	{ NATIVES + 16, VERIFY_TARGET_NORETURN, 0 },
	{ NATIVES + 32, VERIFY_TARGET_THUNK, 0 },
};

static uint64_t disabled;
static uint8_t work[1 << 20] __attribute__((aligned(8)));

static bool judge(const struct program *p, bool strict, struct verify_result *r)
{
	static const uint32_t entry;
	struct verify_input in = { .code = p->code,
				   .base = BASE,
				   .size = p->size,
				   .entries = &entry,
				   .nr_entries = 1,
				   .targets = natives,
				   .nr_targets = 3,
				   .gs_size = 4096,
				   .stack_limit = STACK_LIMIT,
				   .second_stack = DISTANCE,
				   .strict = strict,
				   .disabled = disabled,
				   .work = work,
				   .work_size = sizeof(work) };
	bool ok = verify_blob(&in, r);

	if (r->steps > 256ull * p->size + 16) {
		fprintf(stderr, "fuzz: step budget exceeded\n");
		exit(1);
	}
	return ok;
}

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
	case 12: /* movzx, movsx, cmov, imul, bsr, xadd, cmpxchg */
	case 13: {
		static const uint8_t ops[] = { 0xb6, 0xb7, 0xbe, 0xbf, 0x44, 0x45,
					       0xaf, 0xbd, 0xc1, 0xb1, 0xa5 };

		rex(p, 1, s, 0, r);
		byte(p, 0x0f);
		byte(p, ops[below(sizeof(ops))]);
		byte(p, 0xc0 | (s & 7) << 3 | (r & 7));
		break;
	}
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
	case 15: /* stack: push, pop, spill, reload, second stack */
		if (below(2)) {
			rex(p, 0, 0, 0, r);
			byte(p, (below(2) ? 0x50 : 0x58) | (r & 7));
			break;
		}
		if (!below(4))
			byte(p, 0x64);
		rex(p, 1, s, 0, 0);
		byte(p, below(2) ? 0x8b : 0x89);
		byte(p, 0x44 | (s & 7) << 3);
		byte(p, 0x24);
		byte(p, 8 * below(5));
		break;
	case 16: /* address on the second stack */
		rex(p, 1, r, 0, 0);
		if (r > 7)
			break;
		byte(p, 0x8d);
		byte(p, 0x44 | (r & 7) << 3);
		byte(p, 0x04 | (r & 7) << 3);
		byte(p, 8 * below(4));
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
		bytes(p, NATIVES + 16 * below(3) - (BASE + p->size + 4), 4);
		break;
	}
}

/* Conditional jumps over what follows are patched in afterwards: forward or back, to a start. */
static void make_program(struct program *p)
{
	unsigned n = 4 + below(40), jumps[8], nr_jumps = 0;

	p->size = p->count = 0;
	if (below(2)) /* a frame */
		bytes(p, 0x20ec8348, 4);
	for (unsigned k = 0; k < n && p->size < MAX_CODE - 40; k++) {
		p->at[p->count++] = p->size;
		if (nr_jumps < 8 && !below(8)) {
			bytes(p, below(2) ? 0x840f : 0x850f, 2);
			jumps[nr_jumps++] = p->size;
			bytes(p, 0, 4);
		} else {
			random_instruction(p);
		}
	}
	p->at[p->count++] = p->size;
	if (p->code[0] == 0x48 && p->code[1] == 0x83)
		bytes(p, 0x20c48348, 4);
	byte(p, 0xc3);
	for (unsigned k = 0; k < nr_jumps; k++) {
		int32_t d = (int32_t)p->at[below(p->count)] - (int32_t)(jumps[k] + 4);

		memcpy(p->code + jumps[k], &d, 4);
	}
}

/* Replace what the judge objects to by nops, some rounds long. */
static bool repair(struct program *p, bool strict)
{
	struct verify_result r;

	for (unsigned round = 0; round < 60; round++) {
		struct insn i;
		const char *why;

		if (judge(p, strict, &r))
			return true;
		if (r.offset >= p->size || p->code[r.offset] == 0xc3)
			return false;
		if (insn_decode(p->code + r.offset, p->size - r.offset, ~0ull, &i, &why) !=
		    VERIFY_OK)
			return false;
		memset(p->code + r.offset, 0x90, i.len);
	}
	return false;
}

/* ---- the emulator ---- */

struct run {
	const struct program *p;
	uint64_t entry_rsp;
	const char *violation;
	uint64_t address;
	bool done;
	unsigned mapped;
	uint64_t pages[64];
};

static uint64_t hostile_value(void)
{
	static const uint64_t v[] = {
		0,
		STACK - 64,
		STACK,
		BASE,
		GS,
		NATIVES,
		DISTANCE,
		1ull << 47,
		(1ull << 47) - 8,
		REACH,
		REACH - 8,
		~0ull,
		SECOND,
		0xffff800000000000,
		0x0000800000000008,
		0xffffffffc0000010,
	};

	switch (below(4)) {
	case 0:
		return rnd();
	case 1:
		return (rnd() & 0x7fffffffffff) | 0xffff800000000000;
	default:
		return v[below(16)] + (below(2) ? 0 : 8 * (uint64_t)below(64) - 256);
	}
}

static void stop(uc_engine *uc, struct run *r, const char *violation, uint64_t address)
{
	if (violation && !r->violation) {
		r->violation = violation;
		r->address = address;
	}
	r->done = true;
	uc_emu_stop(uc);
}

static bool is_lower(uint64_t a)
{
	return a < 1ull << 47;
}

/* In the lower half only the frame, the gs block and the empty zones may be named. */
static bool allowed(const struct run *r, uint64_t a, unsigned size)
{
	if (a - (GS) <= 4096 - size)
		return true;
	if (a >= r->entry_rsp - STACK_LIMIT && a + size <= r->entry_rsp + 8)
		return true;
	return a + size <= REACH || a >= (1ull << 47) - REACH;
}

static void on_access(uc_engine *uc, uc_mem_type type, uint64_t a, int size, int64_t value,
		      void *data)
{
	(void)type;
	(void)value;
	if (is_lower(a) && !allowed(data, a, (unsigned)size))
		stop(uc, data, "access to the lower half", a);
}

/* A page of the window comes in full of hostile values; anything else is a fault: the twin dies. */
static bool on_unmapped(uc_engine *uc, uc_mem_type type, uint64_t a, int size, int64_t value,
			void *data)
{
	struct run *r = data;
	uint64_t page[512];

	on_access(uc, type, a, size, value, data);
	if (a < 0xffff800000000000 || a > 0xffffffffffffe000 || r->mapped == 64 || r->done)
		return false;
	for (unsigned k = 0; k < 512; k++)
		page[k] = hostile_value();
	a &= ~0xfffull;
	if (uc_mem_map(uc, a, 4096, UC_PROT_READ | UC_PROT_WRITE))
		return false;
	r->pages[r->mapped++] = a;
	uc_mem_write(uc, a, page, sizeof(page));
	return true;
}

static uint64_t get(uc_engine *uc, int reg)
{
	uint64_t v = 0;

	uc_reg_read(uc, reg, &v);
	return v;
}

static const int registers[16] = {
	UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX,
	UC_X86_REG_RSP, UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI,
	UC_X86_REG_R8,  UC_X86_REG_R9,  UC_X86_REG_R10, UC_X86_REG_R11,
	UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14, UC_X86_REG_R15,
};

static void on_code(uc_engine *uc, uint64_t a, uint32_t size, void *data)
{
	struct run *r = data;
	uint64_t rsp = get(uc, UC_X86_REG_RSP);

	(void)size;
	if (a == NATIVES + 64) { /* where the entry returns to */
		stop(uc, r, rsp == r->entry_rsp + 8 ? NULL : "returned with another stack pointer",
		     rsp);
		return;
	}
	if (a >= NATIVES && a < NATIVES + 48) {
		if (a == NATIVES + 16)
			stop(uc, r, NULL, 0);
		for (unsigned k = 0; k < 16; k++) {
			uint64_t v = hostile_value();

			if (k != 4 && !(CALLEE_SAVED >> k & 1))
				uc_reg_write(uc, registers[k], &v);
		}
		return;
	}
	if (a < BASE || a >= BASE + r->p->size)
		stop(uc, r, "left the blob", a);
	else if (rsp > r->entry_rsp || rsp < r->entry_rsp - STACK_LIMIT)
		stop(uc, r, "stack pointer outside its limit", rsp);
}

static uc_engine *uc;
static struct run run;

static bool emulator_open(void)
{
	static const uint8_t ret[80] = { [0] = 0xc3, [16] = 0xc3, [32] = 0xc3, [64] = 0x90 };
	uc_hook h;

	return !uc_open(UC_ARCH_X86, UC_MODE_64, &uc) && !uc_mem_map(uc, BASE, 4096, UC_PROT_ALL) &&
	       !uc_mem_map(uc, NATIVES, 4096, UC_PROT_ALL) &&
	       !uc_mem_map(uc, STACK - 8192, 12288, UC_PROT_READ | UC_PROT_WRITE) &&
	       !uc_mem_map(uc, GS, 4096, UC_PROT_READ | UC_PROT_WRITE) &&
	       !uc_mem_write(uc, NATIVES, ret, sizeof(ret)) &&
	       !uc_hook_add(uc, &h, UC_HOOK_MEM_UNMAPPED, on_unmapped, &run, 1, 0) &&
	       !uc_hook_add(uc, &h, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, on_access, &run, 1, 0) &&
	       !uc_hook_add(uc, &h, UC_HOOK_CODE, on_code, &run, 1, 0);
}

/* One activation with hostile registers. */
static void activate(const struct program *p)
{
	uint64_t saved[16], back = NATIVES + 64, fs = DISTANCE, gs = GS, flags = 2;

	run.p = p;
	run.done = false;
	run.entry_rsp = STACK - 8;
	for (unsigned k = 0; k < 16; k++) {
		saved[k] = k == 4 ? run.entry_rsp : hostile_value();
		if (k == 1 && below(2))
			saved[k] = below(64); /* short strings end */
		uc_reg_write(uc, registers[k], &saved[k]);
	}
	uc_reg_write(uc, UC_X86_REG_EFLAGS, &flags);
	uc_reg_write(uc, UC_X86_REG_FS_BASE, &fs);
	uc_reg_write(uc, UC_X86_REG_GS_BASE, &gs);
	uc_mem_write(uc, run.entry_rsp, &back, 8);
	uc_emu_start(uc, BASE, 0, 0, 400);
	if (run.violation || get(uc, UC_X86_REG_RIP) != back)
		return;
	for (unsigned k = 0; k < 16; k++)
		if (CALLEE_SAVED >> k & 1 && get(uc, registers[k]) != saved[k])
			run.violation = "callee-saved register changed";
}

static void execute(const struct program *p)
{
	run = (struct run){ 0 };
	uc_mem_write(uc, BASE, p->code, p->size);
	uc_ctl_remove_cache(uc, BASE, BASE + 4096);
	for (unsigned k = 0; k < 6 && !run.violation; k++)
		activate(p);
	for (unsigned k = 0; k < run.mapped; k++)
		uc_mem_unmap(uc, run.pages[k], 4096);
}

static void report(const struct program *p, uint64_t seed, bool strict)
{
	fprintf(stderr, "fuzz: %s 0x%llx, seed %llu%s, program:", run.violation,
		(unsigned long long)run.address, (unsigned long long)seed,
		strict ? ", strict" : "");
	for (uint32_t k = 0; k < p->size; k++)
		fprintf(stderr, " %02x", p->code[k]);
	fputc('\n', stderr);
}

/* Random bytes, and programs with some bytes changed: only the absence of a crash counts. */
static void throw_bytes(struct program *p)
{
	struct verify_result r;

	for (unsigned k = 0; k < 8; k++) {
		for (unsigned n = below(6); n--;)
			p->code[below(p->size)] = (uint8_t)rnd();
		judge(p, below(2), &r);
	}
	p->size = 1 + below(MAX_CODE);
	for (uint32_t k = 0; k < p->size; k++)
		p->code[k] = (uint8_t)rnd();
	judge(p, below(2), &r);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *v = getenv(name);

	return v && *v ? strtoull(v, NULL, 0) : otherwise;
}

int main(void)
{
	uint64_t seconds = setting("VERIFY_FUZZ_SECONDS", 10),
		 seed = setting("VERIFY_FUZZ_SEED", 1);
	unsigned long made = 0, ran = 0;
	time_t end = time(NULL) + (time_t)seconds;

	disabled = setting("VERIFY_FUZZ_DISABLED", 0);
	if (!emulator_open()) {
		fprintf(stderr, "fuzz: the emulator does not start\n");
		return 1;
	}
	for (; time(NULL) < end; seed++, made++) {
		struct program p;
		bool strict = seed & 1;

		rng = seed * 0x9e3779b97f4a7c15;
		make_program(&p);
		if (repair(&p, strict)) {
			ran++;
			execute(&p);
			if (run.violation) {
				report(&p, seed, strict);
				return 1;
			}
		}
		throw_bytes(&p);
	}
	printf("fuzz: %lu programs, %lu accepted and run, no violation\n", made, ran);
	uc_close(uc);
	return ran ? 0 : 1;
}
