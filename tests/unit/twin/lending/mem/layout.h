/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of hv/mem/layout.h: the memory of a test's guest lies where the test says. */
#ifndef TESTS_UNIT_TWIN_LENDING_LAYOUT_H
#define TESTS_UNIT_TWIN_LENDING_LAYOUT_H

#include "lib/types.h"

extern uint8_t guest_ram[];
extern hpa_t guest_hpa;

static inline hpa_t hva_to_hpa(const void *hva)
{
	return (const uint8_t *)hva - guest_ram + guest_hpa;
}

#endif
