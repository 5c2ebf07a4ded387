/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Emulation of what a VM's exit asks for. Interrupts off, right after the run. */
#ifndef HV_VM_EXIT_H
#define HV_VM_EXIT_H

#include "vm/vm.h"

/*
 * Handles one exit and moves rip behind the instruction where it was emulated. May kill or stop
 * the VM.
 */
void exit_handle(struct vcpu *vcpu, const struct vm_exit *exit);

/* The parts; each returns false when it does not know the register or address. */
void cpuid_emulate(struct vcpu *vcpu);
bool msr_read(struct vcpu *vcpu, uint32_t msr, uint64_t *val);
bool msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t val);
void io_emulate(struct vcpu *vcpu, const struct vm_exit *exit);
bool mmio_emulate(struct vcpu *vcpu, gpa_t gpa);

#endif
