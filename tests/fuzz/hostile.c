/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values for registers and memory of the machine; see hostile.h. */
#include "hostile.h"

#include "machine.h"
#include "random.h"

/* Addresses that must not be reached, borders, and what lets code run on. */
uint64_t hostile_value(bool gentle)
{
	static const uint64_t border[] = {
		0,
		STACK,
		STACK - 64,
		TWIN_BASE,
		GS,
		GS + 4096,
		NATIVES,
		HV_BASE,
		DIRECT_BASE,
		DISTANCE,
		1ull << 47,
		(1ull << 47) - 8,
		REACH,
		REACH - 8,
		~0ull,
		STACK + DISTANCE,
		STACK - DISTANCE, /* through fs: the stack */
		0xffff800000000000,
		0x0000800000000008,
		SECTIONS,
		RETURN_TO,
	};

	if (gentle && below(64))
		return below(16) ? HEAP + 8 * (uint64_t)below(HEAP_BYTES / 8) : below(100);
	switch (below(5)) {
	case 0:
		return rnd();
	case 1:
		return (rnd() & 0x7fffffffffff) | 0xffff800000000000;
	case 2:
		return below(100);
	default:
		return border[below(sizeof(border) / 8)] + (below(2) ? 0 : 8ull * below(64) - 256);
	}
}
