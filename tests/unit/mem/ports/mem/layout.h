/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of hv/mem/layout.h: the image ends where the test says, all RAM is one small array. */
#ifndef TESTS_UNIT_MEM_LAYOUT_H
#define TESTS_UNIT_MEM_LAYOUT_H

#include "boot/layout_abi.h"
#include "lib/types.h"

hpa_t image_end_hpa(void);
void *hpa_to_hva(hpa_t hpa);

#endif
