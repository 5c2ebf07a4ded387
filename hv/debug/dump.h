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

/* A VM that dies: exit by name, registers, control registers, page walk and bytes at rip. */
void dump_vcpu(const struct vcpu *vcpu, const char *why);

#endif
