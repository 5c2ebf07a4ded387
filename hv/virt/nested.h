/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nested page tables: gpa to hpa, four levels, 4 KiB and 2 MiB pages. AMD's and Intel's differ in
 * the leaves' flags alone. What both have, and is used here: bits 0 to 2 of a table's entry allow
 * everything, bit 0 of any entry says that it is there, bit 1 that it may be written, bit 7 makes
 * it a 2 MiB page. Sources: APM 2 15.25.5, SDM 3C 28.3.2 (tables 28-1 to 28-6).
 */
#ifndef HV_VIRT_NESTED_H
#define HV_VIRT_NESTED_H

#include "virt/virt_ops.h"

/*
 * Maps, unmaps, looks up: see struct virt_ops. leaf: the vendor's flags of the entries, without
 * the one for 2 MiB. The caller flushes the TLB before the VM runs again.
 */
int nested_map(struct vm *vm, gpa_t gpa, hpa_t hpa, uint64_t len, uint64_t leaf);
void nested_unmap(struct vm *vm, gpa_t gpa, uint64_t len);
bool nested_lookup(const struct vm *vm, gpa_t gpa, hpa_t *hpa, bool *write);

#endif
