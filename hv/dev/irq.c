/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a device model to the VM's interrupt controllers; vlapic_raise() wakes a halted vCPU. */
#include "vm/irq.h"

#include "vm/vm.h"

#define MSI_ADDR(addr)  ((addr) >> 20 & 0xfff)
#define MSI_ADDR_LAPIC  0xfee
#define MSI_MODE(data)  ((data) >> 8 & 7)
#define MSI_MODE_LOWEST 1

/* An address outside the APIC's range would be a write of the device to memory: not done. */
void vm_msi_raise(struct vm *vm, uint64_t msi_addr, uint32_t msi_data)
{
	if (msi_addr >> 32 || MSI_ADDR(msi_addr) != MSI_ADDR_LAPIC ||
	    MSI_MODE(msi_data) > MSI_MODE_LOWEST)
		return;
	vlapic_raise(&vm->lapic, msi_data & 0xff, false);
}

void vm_pin_set(struct vm *vm, unsigned int pin, bool level)
{
	vioapic_set_line(&vm->ioapic, pin, level);
}
