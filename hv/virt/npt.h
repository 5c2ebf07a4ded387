/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nested page tables of AMD-V: the host's 4-level format with U/S set in every entry, because a
 * nested walk counts as a user access (APM 2 15.25.5).
 */
#ifndef HV_VIRT_NPT_H
#define HV_VIRT_NPT_H

#include "virt/virt_ops.h"

/*
 * See struct virt_ops. The caller flushes the TLB (amdv.c sets TLB_CONTROL before the next
 * entry).
 */
int npt_map(struct vm *vm, gpa_t gpa, hpa_t hpa, uint64_t len, bool write, enum npt_type type);
void npt_unmap(struct vm *vm, gpa_t gpa, uint64_t len);
bool npt_lookup(const struct vm *vm, gpa_t gpa, hpa_t *hpa, bool *write);

#endif
