/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What must hold of the driver VM's kernel and of the device before the twin may touch them:
 * LOCK prefixes are there (R8), the interface is up (R9), every static key is as derive froze it.
 * And what the device reaches: twin_att.dma_reach and dma_bytes are set. Interrupts off, the window
 * open and the code placed.
 */
#ifndef HV_TWIN_CHECK_H
#define HV_TWIN_CHECK_H

#include "lib/types.h"

/*
 * section and import: dva by index of the file's tables; smp_lock: dva of an instruction that the
 * kernel may have patched. NULL, or the reason in words (until the next call). Runs an invocation.
 */
const char *check_kernel(const uint64_t *section, const uint64_t *import, dva_t smp_lock);

#endif
