/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's memory as the hypervisor sees it. What lies there is hostile: copy once, check, use.
 */
#ifndef HV_VM_MEM_H
#define HV_VM_MEM_H

#include "lib/types.h"

struct vm;

/*
 * The hypervisor's pointer to len bytes of the VM's RAM at gpa, or NULL when any byte of
 * [gpa, gpa+len) is not RAM of that VM or the range is not contiguous (overflow included; len > 0).
 * The pointer stays valid for the VM's life. Any context.
 */
void *vm_ram(const struct vm *vm, gpa_t gpa, uint64_t len);

#endif
