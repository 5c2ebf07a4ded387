/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of hv/mem/layout.h: physical memory is the test's own, at its own addresses. */
#ifndef TESTS_UNIT_BOOT_PORTS_LAYOUT_H
#define TESTS_UNIT_BOOT_PORTS_LAYOUT_H

#include "boot/layout_abi.h"
#include "lib/types.h"

static inline void *hpa_to_hva(hpa_t hpa)
{
	return (void *)hpa;
}

static inline hpa_t hva_to_hpa(const void *hva)
{
	return (hpa_t)hva;
}

static inline hpa_t image_end_hpa(void)
{
	return 0x3f8000;
}

#endif
