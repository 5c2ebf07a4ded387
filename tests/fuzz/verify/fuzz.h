/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the fuzzer of the judge share. */
#ifndef VERIFY_FUZZ_H
#define VERIFY_FUZZ_H

#include "drivers/verify/decode.h"
#include "tests/fuzz/machine.h"
#include "tests/fuzz/random.h"

#define MAX_CODE 65536

struct program {
	uint8_t code[MAX_CODE];
	uint32_t size;
	const uint32_t *entries, *traps;
	uint32_t nr_entries, nr_traps;
	const struct verify_target *targets;
	uint32_t nr_targets;
};

/* Replace p's code by a random program with one entry, at 0, that calls some of p's targets. */
void program_make(struct program *p);

#endif
