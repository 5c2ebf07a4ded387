/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in front of hv/mem/layout.h: the test's own memory is physical memory. */
#ifndef TESTS_UNIT_VIRT_LAYOUT_H
#define TESTS_UNIT_VIRT_LAYOUT_H

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
