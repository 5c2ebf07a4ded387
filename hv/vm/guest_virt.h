/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a VM's virtual memory by walking its page tables in software: for instruction bytes (the
 * CPU gives none without decode assists) and for dumps. Handles no paging, PAE-less 32-bit is
 * refused, 4-level long mode. Each table entry is read once; table pages are looked up as guest
 * RAM, so no entry can lead outside it.
 */
#ifndef HV_VM_GUEST_VIRT_H
#define HV_VM_GUEST_VIRT_H

#include "vm/vcpu.h"

/* The gpa of a linear address under the given cr3 (long mode); -EFAULT when it is not mapped. */
int guest_walk(const struct vm *vm, uint64_t cr3, uint64_t va, gpa_t *gpa);

/* Translates with the vCPU's present paging mode. */
int guest_virt_to_gpa(const struct vcpu *vcpu, uint64_t va, gpa_t *gpa);

/* Copies len bytes at linear address va; -EFAULT when any of them is not mapped to RAM. */
int guest_virt_read(const struct vcpu *vcpu, uint64_t va, void *buf, size_t len);

#endif
