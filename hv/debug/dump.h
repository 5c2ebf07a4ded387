/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is printed when something dies: registers, code bytes, page walk, symbolised stack.
 * Never faults: memory is read only after its page is found mapped. Any context.
 */
#ifndef HV_DEBUG_DUMP_H
#define HV_DEBUG_DUMP_H

#include "lib/types.h"

struct trap_frame; /* cpu/trap.h */
struct vcpu;       /* vm/vcpu.h */

/* A trap in the hypervisor itself: vector by name, registers, CR2's page walk, code, stack. */
void dump_trap(const struct trap_frame *frame);

/* The hypervisor's own call stack from a frame pointer on, symbolised. */
void dump_stack(uint64_t rbp);

/* The registers of a VM's CPU that has been initialised. */
void dump_vcpu_regs(const struct vcpu *vcpu);

/* A VM that dies: exit by name, registers, page walks of rip and cr2, bytes at rip. */
void dump_vcpu(const struct vcpu *vcpu, const char *why);

#endif
