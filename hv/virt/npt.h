/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nested page tables of AMD-V: the host's 4-level format with U/S set in every entry, because a
 * nested walk counts as a user access (APM 2 15.25.5).
 */
#ifndef HV_VIRT_NPT_H
#define HV_VIRT_NPT_H

#include "virt/virt_ops.h"

/* Flags of a leaf. */
uint64_t npt_leaf(bool write, enum nested_type type);

#endif
