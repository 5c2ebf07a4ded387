/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries by cause. The vector alone tells the source: each one has its own in Linux and in the
 * guests. So no device model has to say that it interrupts, and none can be forgotten.
 */
#include "vm/entry.h"

#include "drivers/castor_abi.h"
#include "net/virtio_net.h"
#include "vm/vm.h"

#define VECTOR(x) ((unsigned int)((x)&0xff)) /* in an LVT, a redirection entry, MSI data */

const char *entry_cause_name(enum entry_cause cause)
{
	static const char *const names[ENTRY_CAUSES] = {
		[ENTRY_START] = "start",     [ENTRY_TIMER] = "timer",   [ENTRY_NIC] = "nic",
		[ENTRY_CARD] = "card",       [ENTRY_CASTOR] = "castor", [ENTRY_CONSOLE] = "console",
		[ENTRY_RESUMED] = "resumed", [ENTRY_OTHER] = "other",
	};

	return cause < ENTRY_CAUSES ? names[cause] : "?";
}

static enum entry_cause cause_of_pin(const struct vm *vm, unsigned int pin)
{
	if (vm->ioapic.pin[pin].phys >= 0)
		return ENTRY_NIC;
	if (pin == VUART_PIN)
		return ENTRY_CONSOLE;
	if (vm->vnic && pin == vm->vnic->pci.dev.intx_pin)
		return ENTRY_CARD;
	if (vm->kind == VM_DVM && pin == CASTOR_PIN)
		return ENTRY_CASTOR;
	return ENTRY_OTHER;
}

static enum entry_cause cause_of(const struct vm *vm, unsigned int vector)
{
	if (vector == VECTOR(vm->lapic.lvt[VLAPIC_LVT_TIMER]))
		return ENTRY_TIMER;
	for (unsigned int i = 0; vm->vnic && i < VIRTIO_PCI_VECTORS; i++)
		if (vector == VECTOR(vm->vnic->pci.msix[i].data))
			return ENTRY_CARD;
	for (unsigned int i = 0; i < VIOAPIC_PINS; i++) /* last: they are many */
		if (vector == VECTOR(vm->ioapic.pin[i].rte))
			return cause_of_pin(vm, i);
	return ENTRY_OTHER;
}

void entry_count(struct vm *vm, int vector)
{
	struct vcpu *vcpu = &vm->vcpu;
	enum entry_cause cause = vector < 0 ? vcpu->cause : cause_of(vm, vector);

	if (cause != ENTRY_TIMER || vcpu->last_exit == EXIT_HLT)
		vcpu->cause = cause;
	if (vector < 0 && vcpu->last_exit == EXIT_INTR)
		cause = ENTRY_RESUMED;
	else
		cause = vcpu->cause;
	vm->entries++;
	vm->entries_by[cause]++;
}
