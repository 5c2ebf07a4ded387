/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of hv/mem/layout.h: the borders are variables, RAM is what the test says. */
#ifndef TESTS_UNIT_LIB_PORTS_LAYOUT_H
#define TESTS_UNIT_LIB_PORTS_LAYOUT_H

#include "lib/types.h"

extern uint64_t fake_text_start, fake_text_end;
#define __text_start ((char *)fake_text_start)
#define __text_end   ((char *)fake_text_end)

#define HV_PHYS_START 0x1000000 /* where the fake memory starts */
extern uint64_t fake_hv_base;
#define HV_BASE fake_hv_base

hpa_t image_end_hpa(void);
void *hpa_to_hva(hpa_t hpa);

#endif
