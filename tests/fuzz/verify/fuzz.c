/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzer of the judge, deterministic by seed and bounded in time.
 *
 * Two properties. (1) No byte string makes the judge crash, read outside its buffers (sanitizers)
 * or run beyond its step budget. (2) Code that it accepts, run in an emulator with hostile
 * registers and memory, touches nothing of the lower half but its own stack frames, the gs block
 * and the zones that R2 keeps empty, keeps its stack pointer inside the limit, leaves the blob only
 * to allowed targets, and returns with the callee-saved registers it was entered with.
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

static uint64_t rng, disabled;
static uint8_t work[8 << 20] __attribute__((aligned(8)));
static struct program program;
static struct twinfile twin; /* header is NULL without a file */

uint64_t rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1d;
}

unsigned below(unsigned n)
{
	return (unsigned)(rnd() >> 33) % n;
}

static bool judge(const struct program *p, bool strict, struct verify_result *r)
{
	struct verify_input in = { .code = p->code,
				   .base = BASE,
				   .size = p->size,
				   .entries = p->entries,
				   .nr_entries = p->nr_entries,
				   .traps = p->traps,
				   .nr_traps = p->nr_traps,
				   .targets = p->targets,
				   .nr_targets = p->nr_targets,
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
		{ NATIVES + NATIVE_SIZE, VERIFY_TARGET_NORETURN, 0 },
		{ NATIVES + 2 * NATIVE_SIZE, VERIFY_TARGET_THUNK, 0 },
	};

	program.entries = &entry;
	program.nr_entries = 1;
	program.nr_traps = 0;
	program.targets = natives;
	program.nr_targets = 3;
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
		drop_guard(&program);
	for (unsigned n = below(4); n--;) {
		uint8_t *b = &program.code[below(program.size)];

		*b = below(2) ? (uint8_t)rnd() : *b ^ 1 << below(8);
	}
	return judge(&program, strict, &r);
}

static void report(uint64_t seed, bool strict)
{
	fprintf(stderr, "fuzz: %s 0x%llx, seed %llu%s", run.violation,
		(unsigned long long)run.address, (unsigned long long)seed,
		strict ? ", strict" : "");
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
	uint64_t instructions = 0;

	for (; time(NULL) < end; seed++, made++) {
		bool strict = seed & 1 && !twin.header;

		rng = seed * 0x9e3779b97f4a7c15;
		if (twin.header ? make_mutant(strict) : make_random(strict)) {
			ran++;
			emulator_execute(&program);
			instructions += run.instructions;
			if (run.violation) {
				report(seed, strict);
				return 1;
			}
		}
		if (!twin.header)
			throw_bytes(&program);
	}
	printf("fuzz: %lu programs, %lu accepted and run, %llu instructions, no violation\n", made,
	       ran, (unsigned long long)instructions);
	return ran ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *bad = argc > 1 ? twinfile_open(&twin, argv[1]) : NULL;
	int code;

	if (bad ||
	    (twin.header && (twin.input.size > MAX_CODE || twin.input.nr_targets > NR_NATIVES))) {
		fprintf(stderr, "fuzz: %s: %s\n", argv[1], bad ? bad : "too large");
		return 1;
	}
	if (!emulator_open()) {
		fprintf(stderr, "fuzz: the emulator does not start\n");
		return 1;
	}
	disabled = setting("VERIFY_FUZZ_DISABLED", 0);
	code = fuzz(setting("VERIFY_FUZZ_SEED", 1),
		    time(NULL) + (time_t)setting("VERIFY_FUZZ_SECONDS", 10));
	twinfile_close(&twin);
	return code;
}
