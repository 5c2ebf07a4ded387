/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How natives reach the driver VM's memory (R14): only through these. Each access is guarded as
 * the twin's own are, so any number is a legal address; an address that the window refuses ends
 * the present invocation (twin_abort), with the native's name in the report. So call them only
 * inside an invocation, and hold nothing of the hypervisor that would have to be given back.
 */
#ifndef HV_TWIN_WIN_H
#define HV_TWIN_WIN_H

#include "lib/types.h"
#include "twin/win_access.h"

#define WIN_GUARD BIT(47)

#define WIN_ACCESS(bits, type)                              \
	static inline type win_read##bits(dva_t a)          \
	{                                                   \
		return win_load##bits(a | WIN_GUARD);       \
	}                                                   \
	static inline void win_write##bits(dva_t a, type v) \
	{                                                   \
		win_store##bits(a | WIN_GUARD, v);          \
	}

WIN_ACCESS(8, uint8_t)
WIN_ACCESS(16, uint16_t)
WIN_ACCESS(32, uint32_t)
WIN_ACCESS(64, uint64_t)
#undef WIN_ACCESS

/*
 * Compare-and-swap, as the kernel's own loops on napi->state do; returns what was there.
 */
static inline uint64_t win_cmpxchg64(dva_t a, uint64_t old, uint64_t val)
{
	return win_swap64(a | WIN_GUARD, old, val);
}

static inline uint32_t win_cmpxchg32(dva_t a, uint32_t old, uint32_t val)
{
	return win_swap32(a | WIN_GUARD, old, val);
}

/*
 * Copies n bytes upward, as memcpy. A page that the window refuses, at any byte and also where a
 * range wraps, ends the invocation.
 */
static inline void win_copy(dva_t dst, dva_t src, uint64_t n)
{
	win_move(dst | WIN_GUARD, src | WIN_GUARD, n);
}

#endif
