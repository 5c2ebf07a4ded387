/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that somebody else writes: one access per call, never repeated or torn by the compiler,
 * and the fences between them. Each use says which race it closes. Pointers are naturally
 * aligned.
 */
#ifndef HV_NET_BARRIER_H
#define HV_NET_BARRIER_H

#include "lib/types.h"

static inline uint16_t load16(const uint16_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/* Nothing after it is read earlier. */
static inline uint16_t load16_acquire(const uint16_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void store16(uint16_t *p, uint16_t val)
{
	__atomic_store_n(p, val, __ATOMIC_RELAXED);
}

/* Nothing before it is written later. */
static inline void store16_release(uint16_t *p, uint16_t val)
{
	__atomic_store_n(p, val, __ATOMIC_RELEASE);
}

/* Stores before it are seen before loads after it are done. */
static inline void fence_full(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* The compiler keeps a copy made before it and does not read the original again. */
static inline void fence_compiler(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

#endif
