/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In place of hv/twin/win_access.h: the test maps some of the driver VM's addresses and refuses the
 * others, which ends the invocation.
 */
#ifndef HV_TWIN_WIN_ACCESS_H
#define HV_TWIN_WIN_ACCESS_H

#include "tests/unit/twin/win_memory.h"

/* n bytes at a guarded address; does not return where nothing is. */
uint8_t *refusing_window(dva_t guarded, uint64_t n);

static inline uint8_t *win_memory(uint64_t guarded, uint64_t n)
{
	return refusing_window(guarded, n);
}

#endif
