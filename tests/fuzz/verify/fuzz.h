/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the fuzzer of the judge share. */
#ifndef VERIFY_FUZZ_H
#define VERIFY_FUZZ_H

#include "drivers/verify/decode.h"

/* Where things lie; the same as for .twin files that twinfile.c relocates. */
#define BASE        0x20001000000ull
#define NATIVES     0x20000200000ull
#define NATIVE_SIZE 64 /* distance of two natives */
#define NR_NATIVES  128
#define STACK       0x20002000000ull /* two pages below it, one above */
#define GS          0x20003000000ull
#define DISTANCE    (0xffff888005b50000ull - STACK)
#define STACK_LIMIT 1024
#define MAX_CODE    65536

struct program {
	uint8_t code[MAX_CODE];
	uint32_t size;
	const uint32_t *entries, *traps;
	uint32_t nr_entries, nr_traps;
	const struct verify_target *targets;
	uint32_t nr_targets;
};

/* The run of one program; violation is NULL while nothing forbidden was seen. */
struct run {
	const struct program *p;
	uint64_t entry_rsp;
	const char *violation;
	uint64_t address;
	bool done;
	bool gentle; /* most values are valid: the code gets far */
	unsigned mapped;
	uint64_t pages[128];
	uint64_t instructions;
};

extern struct run run;

/* Random numbers of the current seed. */
uint64_t rnd(void);
unsigned below(unsigned n);

/* Replace p's code by a random program with one entry, at 0. */
void program_make(struct program *p);

/* Once, before any program runs. */
bool emulator_open(void);

/* Run p some times; what was seen is in `run`. */
void emulator_execute(const struct program *p);

#endif
