/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of hv/mem/layout.h: physical addresses are the test's own pointers. */
#ifndef TESTS_UNIT_TWIN_PORTS_LAYOUT_H
#define TESTS_UNIT_TWIN_PORTS_LAYOUT_H

#include "lib/types.h"

static inline void *hpa_to_hva(hpa_t hpa)
{
	return (void *)hpa;
}

static inline hpa_t hva_to_hpa(const void *hva)
{
	return (hpa_t)hva;
}

#endif
