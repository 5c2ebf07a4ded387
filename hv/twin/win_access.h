/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instructions of win.h, at addresses that it guarded: the only ones of natives that may fault.
 * Each has a fix-up entry. Unit tests put another file of this name in front: all else of win.h is
 * under test as it is.
 */
#ifndef HV_TWIN_WIN_ACCESS_H
#define HV_TWIN_WIN_ACCESS_H

#include "lib/types.h"

/* One fix-up entry per instruction that may fault here. */
#define WIN_FIXUP ".pushsection .fixup, \"a\"\n\t.quad 1b\n\t.popsection"

#define WIN_INSTRUCTIONS(bits, type)                                  \
	static inline type win_load##bits(uint64_t guarded)           \
	{                                                             \
		type v;                                               \
                                                                      \
		asm volatile("1: mov %1, %0\n\t" WIN_FIXUP            \
			     : "=r"(v)                                \
			     : "m"(*(const volatile type *)guarded)); \
		return v;                                             \
	}                                                             \
	static inline void win_store##bits(uint64_t guarded, type v)  \
	{                                                             \
		asm volatile("1: mov %1, %0\n\t" WIN_FIXUP            \
			     : "=m"(*(volatile type *)guarded)        \
			     : "r"(v));                               \
	}

WIN_INSTRUCTIONS(8, uint8_t)
WIN_INSTRUCTIONS(16, uint16_t)
WIN_INSTRUCTIONS(32, uint32_t)
WIN_INSTRUCTIONS(64, uint64_t)
#undef WIN_INSTRUCTIONS

static inline uint64_t win_swap64(uint64_t guarded, uint64_t old, uint64_t val)
{
	uint64_t was = old;

	asm volatile("1: lock cmpxchgq %2, %1\n\t" WIN_FIXUP
		     : "+a"(was), "+m"(*(volatile uint64_t *)guarded)
		     : "r"(val)
		     : "memory");
	return was;
}

static inline uint32_t win_swap32(uint64_t guarded, uint32_t old, uint32_t val)
{
	uint32_t was = old;

	asm volatile("1: lock cmpxchgl %2, %1\n\t" WIN_FIXUP
		     : "+a"(was), "+m"(*(volatile uint32_t *)guarded)
		     : "r"(val)
		     : "memory");
	return was;
}

/* One instruction, so that a page which is refused at any byte is the same one fault. */
static inline void win_move(uint64_t dst, uint64_t src, uint64_t n)
{
	asm volatile("1: rep movsb\n\t" WIN_FIXUP : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
}

#endif
