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

#define WIN_GUARD BIT(47)

/* One fix-up entry per instruction that may fault here. */
#define WIN_FIXUP ".pushsection .fixup, \"a\"\n\t.quad 1b\n\t.popsection"

#define WIN_ACCESS(bits, type)                                                \
	static inline type win_read##bits(dva_t a)                            \
	{                                                                     \
		type v;                                                       \
                                                                              \
		asm volatile("1: mov %1, %0\n\t" WIN_FIXUP                    \
			     : "=r"(v)                                        \
			     : "m"(*(const volatile type *)(a | WIN_GUARD))); \
		return v;                                                     \
	}                                                                     \
	static inline void win_write##bits(dva_t a, type v)                   \
	{                                                                     \
		asm volatile("1: mov %1, %0\n\t" WIN_FIXUP                    \
			     : "=m"(*(volatile type *)(a | WIN_GUARD))        \
			     : "r"(v));                                       \
	}

WIN_ACCESS(8, uint8_t)
WIN_ACCESS(16, uint16_t)
WIN_ACCESS(32, uint32_t)
WIN_ACCESS(64, uint64_t)
#undef WIN_ACCESS

/*
 * Compare-and-swap of 64 bits, as the kernel's own loops on napi->state do; returns what was
 * there.
 */
static inline uint64_t win_cmpxchg64(dva_t a, uint64_t old, uint64_t val)
{
	uint64_t was = old;

	asm volatile("1: lock cmpxchgq %2, %1\n\t" WIN_FIXUP
		     : "+a"(was), "+m"(*(volatile uint64_t *)(a | WIN_GUARD))
		     : "r"(val)
		     : "memory");
	return was;
}

static inline uint32_t win_cmpxchg32(dva_t a, uint32_t old, uint32_t val)
{
	uint32_t was = old;

	asm volatile("1: lock cmpxchgl %2, %1\n\t" WIN_FIXUP
		     : "+a"(was), "+m"(*(volatile uint32_t *)(a | WIN_GUARD))
		     : "r"(val)
		     : "memory");
	return was;
}

/*
 * Copies n bytes upward, as memcpy. One instruction does it, so a page that the window refuses, at
 * any byte and also where a range wraps, ends the invocation.
 */
static inline void win_copy(dva_t dst, dva_t src, uint64_t n)
{
	uint64_t d = dst | WIN_GUARD, s = src | WIN_GUARD;

	asm volatile("1: rep movsb\n\t" WIN_FIXUP : "+D"(d), "+S"(s), "+c"(n) : : "memory");
}

#endif
