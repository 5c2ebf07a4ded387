/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In place of hv/twin/win_access.h: the driver VM's memory is an array, addresses are indices into
 * it.
 */
#ifndef HV_TWIN_WIN_ACCESS_H
#define HV_TWIN_WIN_ACCESS_H

#include "tests/unit/twin/win_memory.h"

#define FAKE_BYTES 4096

extern uint8_t fake_memory[FAKE_BYTES];

static inline uint8_t *win_memory(uint64_t guarded, uint64_t n)
{
	(void)n;
	return fake_memory + (guarded & ~BIT(47));
}

#endif
