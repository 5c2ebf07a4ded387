/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Extended page tables of VT-x. Their memory type counts instead of the MTRRs: RAM write-back, all
 * else uncached, and a VM's PAT may make either stricter. Accessed and dirty bits stay off: with
 * them a guest's page walk counts as a write. Source: Intel SDM 3C 29.3, 25.6.11.
 */
#ifndef HV_VIRT_EPT_H
#define HV_VIRT_EPT_H

#include "virt/virt_ops.h"

/* Flags of a leaf. */
uint64_t ept_leaf(bool write, enum nested_type type);

/* The VMCS's field for tables whose root is there. */
uint64_t ept_pointer(hpa_t root);

#endif
