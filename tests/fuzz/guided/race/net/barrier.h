/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In place of hv/net/barrier.h: at each point where the order of memory matters the other side, the
 * VM's driver, gets its turn. fuzz_race() is the harness's.
 */
#ifndef FUZZ_GUIDED_RACE_BARRIER_H
#define FUZZ_GUIDED_RACE_BARRIER_H

#include "lib/types.h"

void fuzz_race(void);

static inline uint16_t load16(const uint16_t *p)
{
	fuzz_race();
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline uint16_t load16_acquire(const uint16_t *p)
{
	uint16_t val = load16(p);

	fuzz_race();
	return val;
}

static inline void store16(uint16_t *p, uint16_t val)
{
	__atomic_store_n(p, val, __ATOMIC_RELAXED);
	fuzz_race();
}

static inline void store16_release(uint16_t *p, uint16_t val)
{
	fuzz_race();
	store16(p, val);
}

static inline void fence_full(void)
{
	fuzz_race();
}

static inline void fence_compiler(void)
{
	fuzz_race();
}

#endif
