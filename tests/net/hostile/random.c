/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xorshift64*: small, and the same everywhere for the same seed. */
#include "hostile.h"

#define RAM_BYTES (8u << 20) /* what the tests give this guest */

static uint64_t state;

void random_seed(uint64_t seed)
{
	state = (seed + 1) * 0x9e3779b97f4a7c15u;
}

uint64_t random64(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1du;
}

uint32_t random_below(uint32_t n)
{
	return (uint32_t)((random64() >> 32) * n >> 32);
}

uint64_t random_value(void)
{
	static const uint64_t likely[] = { 0,          1,      2,          255,        256,
					   0x7fff,     0xffff, 0x10000,    0x7fffffff, 0xffffffff,
					   1ull << 32, ~0ull,  ~0ull - 15, RAM_BYTES };

	switch (random_below(4)) {
	case 0:
		return likely[random_below(sizeof(likely) / sizeof(likely[0]))];
	case 1:
		return (1ull << random_below(64)) + random_below(3) - 1;
	case 2:
		return random64() >> random_below(64);
	default:
		return random64();
	}
}

uint64_t random_address(void)
{
	switch (random_below(8)) {
	case 0:
		return RAM_BYTES - random_below(64);
	case 1:
		return 0xfee00000u + random_below(4096);
	case 2:
		return (1ull << 32) - random_below(4096);
	case 3:
		return 0 - (uint64_t)random_below(4096); /* wraps */
	case 4:
		return random_value();
	default:
		return random_below(RAM_BYTES);
	}
}
