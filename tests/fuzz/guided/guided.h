/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The coverage-guided fuzzers: what their harnesses share. A harness is one file that defines
 * LLVMFuzzerTestOneInput() over sources of the hypervisor. clang's libFuzzer calls it with inputs
 * that it changes towards new coverage (`make fuzz-guided`); replay.c calls it with the files of a
 * corpus (`make test`). The same bytes always do the same.
 *
 * An input that is more than one file is a row of numbers and bytes: in_*() take them off its
 * front. What is missing at its end reads 0.
 */
#ifndef FUZZ_GUIDED_H
#define FUZZ_GUIDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs one input. Always 0; a finding ends the process: a sanitizer's report, or CHECK(). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold after any input. */
#define CHECK(cond)                                                                               \
	do {                                                                                      \
		if (!(cond)) {                                                                    \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                                  \
		}                                                                                 \
	} while (0)

struct input {
	const uint8_t *at, *end;
};

static inline bool in_more(const struct input *in)
{
	return in->at < in->end;
}

/* A little-endian number of n bytes. */
static inline uint64_t in_number(struct input *in, unsigned int n)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < n && in_more(in); i++)
		v |= (uint64_t)*in->at++ << 8 * i;
	return v;
}

static inline uint8_t in_u8(struct input *in)
{
	return in_number(in, 1);
}

static inline uint16_t in_u16(struct input *in)
{
	return in_number(in, 2);
}

static inline uint32_t in_u32(struct input *in)
{
	return in_number(in, 4);
}

/* A number that is the same for the same bytes, to seed what is random (FNV-1a). */
static inline uint64_t in_hash(const uint8_t *data, size_t size)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < size; i++)
		h = (h ^ data[i]) * 0x100000001b3;
	return h;
}

/* n bytes to dst. */
static inline void in_bytes(struct input *in, void *dst, size_t n)
{
	for (uint8_t *to = dst; n; n--)
		*to++ = in_u8(in);
}

#endif
