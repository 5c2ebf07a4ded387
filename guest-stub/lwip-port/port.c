/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions that lwIP expects from its platform. */
#include "cpu/clock.h"
#include "cpu/power.h"
#include "cpu/x86.h"

#include "lwip/sys.h"

/* Milliseconds, wrapping: lwIP compares differences only. */
u32_t sys_now(void)
{
	return (u32_t)(clock_us() / 1000);
}

/* xorshift64*, seeded by the TSC at first use so that two guests differ. */
unsigned int port_random(void)
{
	static uint64_t state;

	if (!state)
		state = rdtsc() | 1;
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (unsigned int)(state * 0x2545f4914f6cdd1dull >> 32);
}

void port_assert(const char *message, const char *file, int line)
{
	panic("lwip: %s (%s:%d)", message, file, line);
}
