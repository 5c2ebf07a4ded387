/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of hv/twin/win.h: the driver VM's memory is an array, addresses are indices into it. */
#ifndef HV_TWIN_WIN_H
#define HV_TWIN_WIN_H

#include <string.h>

#include "lib/types.h"

#define FAKE_BYTES 65536

extern uint8_t fake_memory[FAKE_BYTES];

static inline uint64_t win_read64(dva_t a)
{
	uint64_t v;

	memcpy(&v, fake_memory + a, sizeof(v));
	return v;
}

static inline uint32_t win_read32(dva_t a)
{
	uint32_t v;

	memcpy(&v, fake_memory + a, sizeof(v));
	return v;
}

static inline uint16_t win_read16(dva_t a)
{
	uint16_t v;

	memcpy(&v, fake_memory + a, sizeof(v));
	return v;
}

static inline uint8_t win_read8(dva_t a)
{
	return fake_memory[a];
}

static inline void win_write64(dva_t a, uint64_t v)
{
	memcpy(fake_memory + a, &v, sizeof(v));
}

static inline void win_write32(dva_t a, uint32_t v)
{
	memcpy(fake_memory + a, &v, sizeof(v));
}

static inline void win_write16(dva_t a, uint16_t v)
{
	memcpy(fake_memory + a, &v, sizeof(v));
}

static inline void win_write8(dva_t a, uint8_t v)
{
	fake_memory[a] = v;
}

static inline uint32_t win_cmpxchg32(dva_t a, uint32_t old, uint32_t val)
{
	uint32_t was;

	memcpy(&was, fake_memory + a, sizeof(was));
	if (was == old)
		win_write32(a, val);
	return was;
}

static inline uint64_t win_cmpxchg64(dva_t a, uint64_t old, uint64_t val)
{
	uint64_t was = win_read64(a);

	if (was == old)
		win_write64(a, val);
	return was;
}

#endif
