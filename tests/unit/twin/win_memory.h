/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The accesses of hv/twin/win_access.h by way of win_memory(), which each user defines first. */
#ifndef UNIT_TWIN_WIN_MEMORY_H
#define UNIT_TWIN_WIN_MEMORY_H

#include <string.h>

#include "lib/types.h"

/* n bytes at a guarded address. */
static inline uint8_t *win_memory(uint64_t guarded, uint64_t n);

#define WIN_INSTRUCTIONS(bits, type)                                   \
	static inline type win_load##bits(uint64_t guarded)            \
	{                                                              \
		type v;                                                \
                                                                       \
		memcpy(&v, win_memory(guarded, sizeof(v)), sizeof(v)); \
		return v;                                              \
	}                                                              \
	static inline void win_store##bits(uint64_t guarded, type v)   \
	{                                                              \
		memcpy(win_memory(guarded, sizeof(v)), &v, sizeof(v)); \
	}

WIN_INSTRUCTIONS(8, uint8_t)
WIN_INSTRUCTIONS(16, uint16_t)
WIN_INSTRUCTIONS(32, uint32_t)
WIN_INSTRUCTIONS(64, uint64_t)
#undef WIN_INSTRUCTIONS

static inline uint64_t win_swap64(uint64_t guarded, uint64_t old, uint64_t val)
{
	uint64_t was = win_load64(guarded);

	if (was == old)
		win_store64(guarded, val);
	return was;
}

static inline uint32_t win_swap32(uint64_t guarded, uint32_t old, uint32_t val)
{
	uint32_t was = win_load32(guarded);

	if (was == old)
		win_store32(guarded, val);
	return was;
}

static inline void win_move(uint64_t dst, uint64_t src, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		*win_memory(dst + i, 1) = *win_memory(src + i, 1);
}

#endif
