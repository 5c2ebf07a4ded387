/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In place of hv/twin/win.h: addresses are the driver VM's, guarded as there; the test maps some of
 * them and refuses the others, which ends the invocation.
 */
#ifndef HV_TWIN_WIN_H
#define HV_TWIN_WIN_H

#include <string.h>

#include "lib/types.h"

#define WIN_GUARD BIT(47)

/* n bytes at a guarded address; does not return where nothing is. */
uint8_t *refusing_window(dva_t guarded, uint64_t n);

#define WIN_ACCESS(bits, type)                                                    \
	static inline type win_read##bits(dva_t a)                                \
	{                                                                         \
		type v;                                                           \
                                                                                  \
		memcpy(&v, refusing_window(a | WIN_GUARD, sizeof(v)), sizeof(v)); \
		return v;                                                         \
	}                                                                         \
	static inline void win_write##bits(dva_t a, type v)                       \
	{                                                                         \
		memcpy(refusing_window(a | WIN_GUARD, sizeof(v)), &v, sizeof(v)); \
	}

WIN_ACCESS(8, uint8_t)
WIN_ACCESS(16, uint16_t)
WIN_ACCESS(32, uint32_t)
WIN_ACCESS(64, uint64_t)
#undef WIN_ACCESS

static inline uint64_t win_cmpxchg64(dva_t a, uint64_t old, uint64_t val)
{
	uint64_t was = win_read64(a);

	if (was == old)
		win_write64(a, val);
	return was;
}

static inline void win_copy(dva_t dst, dva_t src, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		*refusing_window((dst | WIN_GUARD) + i, 1) =
			*refusing_window((src | WIN_GUARD) + i, 1);
}

#endif
