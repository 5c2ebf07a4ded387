/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Floating-point and vector state. The hypervisor uses none of it, so it is switched only when
 * another VM runs than last time. Source: Intel SDM 1 ch. 13.
 */
#ifndef HV_VM_FPU_H
#define HV_VM_FPU_H

#include "lib/types.h"

struct vm;

struct fpu {
	void *area; /* XSAVE (or FXSAVE) image, 64-byte aligned */
	uint64_t xcr0;
};

void fpu_init(void);                            /* once, on the CPU */
void fpu_vm_init(struct vm *vm);                /* clean state */
void fpu_switch_to(struct vm *vm);              /* before an entry */
int fpu_set_xcr0(struct vm *vm, uint64_t xcr0); /* XSETBV by the running VM; -EINVAL: #GP */

#endif
