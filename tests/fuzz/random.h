/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random numbers of the fuzzers: xorshift64*, one sequence in a program, the same for the same seed
 * on every machine. No locks: one thread.
 */
#ifndef FUZZ_RANDOM_H
#define FUZZ_RANDOM_H

#include <stdint.h>

/* Begin the sequence of a seed; any number is one. */
void random_seed(uint64_t seed);

/* The next 64 bits. */
uint64_t rnd(void);

/* A number in 0 .. n - 1; n is not 0. */
uint32_t below(uint32_t n);

#endif
