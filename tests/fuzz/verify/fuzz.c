/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzer of the judge, deterministic by seed and bounded in time.
 *
 * Two properties. (1) No byte string makes the judge crash, read outside its buffers (sanitizers)
 * or run beyond its step budget. (2) Code that it accepts, run in an emulator with hostile
 * registers and memory, does none of what tests/fuzz/machine.h calls an escape.
 *
 * Without an argument programs are made of random instructions; where the judge objects to one it
 * is replaced by a nop until the program is accepted, so what runs lies close to the edge of what
 * is accepted. With a .twin file as argument programs are its text with a few bytes changed.
 *
 * Environment: VERIFY_FUZZ_SECONDS (10), VERIFY_FUZZ_SEED (1), VERIFY_FUZZ_DISABLED (0; mask of
 * rules not to apply: the fuzzer must then find violations). A failure prints the seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drivers/verify/twinfile.h"
#include "fuzz.h"

#define LOOKUP_LEN 47

static uint64_t disabled;
static uint8_t work[8 << 20] __attribute__((aligned(8)));
static struct program program;
static struct twinfile twin; /* header is NULL without a file */

static bool judge(const struct program *p, bool strict, struct verify_result *r)
{
	struct verify_input in = { .code = p->code,
				   .base = TWIN_BASE,
				   .size = p->size,
				   .entries = p->entries,
				   .nr_entries = p->nr_entries,
				   .traps = p->traps,
				   .nr_traps = p->nr_traps,
				   .targets = p->targets,
				   .nr_targets = p->nr_targets,
				   .gs_size = GS_BYTES,
				   .stack_limit = STACK_LIMIT,
				   .second_stack = DISTANCE,
				   .lookups = twin.input.lookups,
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

/* Random bytes, and programs with some bytes changed: only the absence of a crash counts. */
static void throw_bytes(struct program *p)
{
	struct verify_result r;

	for (unsigned k = 0; k < 8; k++) {
		for (unsigned n = below(6); n--;)
			p->code[below(p->size)] = (uint8_t)rnd();
		judge(p, below(2), &r);
	}
	p->size = 1 + below(512);
	for (uint32_t k = 0; k < p->size; k++)
		p->code[k] = (uint8_t)rnd();
	judge(p, below(2), &r);
}

static bool make_random(bool strict)
{
	static const uint32_t entry;
	static const struct verify_target natives[] = {
		{ NATIVES, 0, 0 },
		{ NATIVES + NATIVE_BYTES, VERIFY_TARGET_NORETURN, 0 },
		{ NATIVES + 2 * NATIVE_BYTES, 0, 16 },
		{ THUNKS, VERIFY_TARGET_THUNK, 0 },
	};

	program.entries = &entry;
	program.nr_entries = 1;
	program.nr_traps = 0;
	program.targets = natives;
	program.nr_targets = 4;
	program_make(&program);
	return repair(&program, strict);
}

/* Take out the first guard behind a random place. */
static void drop_guard(struct program *p)
{
	for (uint32_t k = below(p->size); k + 5 <= p->size; k++) {
		if ((p->code[k] & 0xfe) == 0x48 && p->code[k + 1] == 0x0f &&
		    p->code[k + 2] == 0xba && p->code[k + 4] == 47) {
			memset(p->code + k, 0x90, 5);
			return;
		}
	}
}

/* Is there a lookup? Not one between pushfq and popfq, which alone are refused. */
static bool has_lookup(const struct program *p, uint32_t k)
{
	return k && k + LOOKUP_LEN <= p->size && p->code[k - 1] != 0x9c && p->code[k + 1] == 0x89 &&
	       memcmp(p->code + k + 6, "\0\xf0\xff\xff", 4) == 0;
}

/* Take out one lookup, or nearly all: a run comes to few of them. */
static void drop_lookups(struct program *p)
{
	bool all = below(2);

	for (uint32_t k = all ? 0 : below(p->size); k < p->size; k++) {
		if (!has_lookup(p, k))
			continue;
		memset(p->code + k, 0x90, LOOKUP_LEN);
		if (!all)
			return;
	}
}

/* The text of the file with some bytes changed or a guard less, if it is still accepted. */
static bool make_mutant(bool strict)
{
	struct verify_result r;

	memcpy(program.code, twin.input.code, twin.input.size);
	program.size = twin.input.size;
	program.entries = twin.input.entries;
	program.nr_entries = twin.input.nr_entries;
	program.traps = twin.input.traps;
	program.nr_traps = twin.input.nr_traps;
	program.targets = twin.input.targets;
	program.nr_targets = twin.input.nr_targets;
	if (below(2))
		(twin.input.lookups ? drop_lookups : drop_guard)(&program);
	for (unsigned n = below(4); n--;) {
		uint8_t *b = &program.code[below(program.size)];

		*b = below(2) ? (uint8_t)rnd() : *b ^ 1 << below(8);
	}
	return judge(&program, strict, &r);
}

/* A target of a file that is marked as a thunk lies among its natives: one behind the thunk. */
static enum outside target_at(uint64_t addr, uint32_t *stack_args)
{
	for (uint32_t k = 0; k < program.nr_targets; k++) {
		const struct verify_target *t = &program.targets[k];

		if (t->addr != addr)
			continue;
		*stack_args = t->stack_args;
		if (t->flags & VERIFY_TARGET_NORETURN)
			return OUTSIDE_KILLS;
		return addr >= THUNKS ? OUTSIDE_THUNK : OUTSIDE_RETURNS;
	}
	return addr == JUST_RETURN ? OUTSIDE_RETURNS : OUTSIDE_NOTHING;
}

static int miss_at(uint64_t addr)
{
	for (uint32_t k = 0; k < program.nr_targets; k++)
		if (program.targets[k].addr == addr &&
		    program.targets[k].flags & VERIFY_TARGET_MISS)
			return (int)(program.targets[k].flags >> 8);
	return -1;
}

static bool is_warning(uint64_t addr)
{
	for (uint32_t k = 0; k < program.nr_traps; k++)
		if (addr - TWIN_BASE == program.traps[k])
			return true;
	return false;
}

/* Run the program some times; the reason of an escape, or NULL. */
static const char *execute(uint64_t ends[NR_ENDS], uint64_t *address)
{
	const struct machine_image image = { .text = program.code,
					     .size = program.size,
					     .entries = program.entries,
					     .nr_entries = program.nr_entries,
					     .outside = target_at,
					     .resumes = is_warning,
					     .miss = twin.input.lookups ? miss_at : NULL };

	return machine_run(&image, 6, ends, address);
}

static void report(const char *escape, uint64_t address, uint64_t seed, bool strict)
{
	fprintf(stderr, "fuzz: %s 0x%llx, seed %llu%s", escape, (unsigned long long)address,
		(unsigned long long)seed, strict ? ", strict" : "");
	for (uint32_t k = 0; k < program.size && k < 512; k++)
		fprintf(stderr, " %02x", program.code[k]);
	fputc('\n', stderr);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *v = getenv(name);

	return v && *v ? strtoull(v, NULL, 0) : otherwise;
}

static int fuzz(uint64_t seed, time_t end)
{
	unsigned long made = 0, ran = 0;
	uint64_t ends[NR_ENDS] = { 0 }, address;
	const char *escape;

	for (; time(NULL) < end; seed++, made++) {
		bool strict = seed & 1 && !twin.header;

		random_seed(seed);
		if (twin.header ? make_mutant(strict) : make_random(strict)) {
			ran++;
			escape = execute(ends, &address);
			if (escape) {
				report(escape, address, seed, strict);
				return 1;
			}
		}
		if (!twin.header)
			throw_bytes(&program);
	}
	printf("fuzz: %lu programs, %lu accepted and run, %llu invocations returned, no escape\n",
	       made, ran, (unsigned long long)ends[END_RETURNED]);
	return ends[END_RETURNED] ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *bad = argc > 1 ? twinfile_open(&twin, argv[1]) : NULL;
	int code;

	if (bad || (twin.header && twin.input.size > MAX_CODE)) {
		fprintf(stderr, "fuzz: %s: %s\n", argv[1], bad ? bad : "too large");
		return 1;
	}
	if (!machine_open()) {
		fprintf(stderr, "fuzz: the emulator does not start\n");
		return 1;
	}
	disabled = setting("VERIFY_FUZZ_DISABLED", 0);
	code = fuzz(setting("VERIFY_FUZZ_SEED", 1),
		    time(NULL) + (time_t)setting("VERIFY_FUZZ_SECONDS", 10));
	twinfile_close(&twin);
	return code;
}
