/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Puts a kernel into a VM's RAM and says how it starts. Two kinds of image:
 *   ELF64 with a PVH note (Linux vmlinux, the guest stub): 32-bit entry, EBX = hvm_start_info
 *     (xen/include/public/arch-x86/hvm/start_info.h, version 1);
 *   bzImage: Linux 64-bit boot protocol (Documentation/x86/boot.rst 1.14), RSI = zero page.
 * The files are untrusted: everything is bounded by the file's and the RAM's size.
 */
#ifndef HV_VM_LOAD_H
#define HV_VM_LOAD_H

#include "vm/config.h"
#include "vm/vm.h"

/* Fills *entry. Returns 0, or -EINVAL after writing what is wrong into why[size]. */
int load_kernel(struct vm *vm, const struct vm_config *cfg, struct vcpu_entry *entry, char *why,
		size_t size);

#endif
