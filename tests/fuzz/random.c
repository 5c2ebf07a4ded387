/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Marsaglia's xorshift64*; see random.h. */
#include "random.h"

static uint64_t state = 1;

void random_seed(uint64_t seed)
{
	state = (seed + 1) * 0x9e3779b97f4a7c15;
	if (!state) /* the one state that does not move */
		state = 1;
	rnd(); /* seeds that differ little differ in all bits behind the second step */
}

uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1d;
}

uint32_t below(uint32_t n)
{
	return (uint32_t)(rnd() >> 33) % n;
}
