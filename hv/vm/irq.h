/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a device model raises an interrupt in its VM. Both make the VM runnable; any context with
 * interrupts off; no exit, no lock.
 */
#ifndef HV_VM_IRQ_H
#define HV_VM_IRQ_H

#include "lib/types.h"

struct vm;

/* A message-signalled interrupt (SDM 3A 10.11): fixed delivery of data[7:0], edge. */
void vm_msi_raise(struct vm *vm, uint64_t msi_addr, uint32_t msi_data);

/*
 * The level of a pin of the VM's virtual IOAPIC (0..23). Setting the same level twice is
 * harmless.
 */
void vm_pin_set(struct vm *vm, unsigned int pin, bool level);

#endif
