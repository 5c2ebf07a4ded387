/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration mechanism 1 (PCI 3.0 3.2.2.3) and the dispatch of accesses to emulated BARs. */
#include "dev/vpci.h"

#include "lib/errno.h"
#include "vm/vm.h"

#define PORT_ADDRESS 0xcf8
#define PORT_DATA    0xcfc
#define CF8_ENABLE   BIT(31)
#define CF8_VALID    0x80fffffcU
#define CF8_REG(v)   ((v)&0xfc)
#define CF8_FUNC(v)  ((v) >> 8 & 7)
#define CF8_SLOT(v)  ((v) >> 11 & 31)
#define CF8_BUS(v)   ((v) >> 16 & 0xff)

/* Intel 440FX: Linux believes in mechanism 1 when it sees a host bridge (pci_sanity_check()). */
#define BRIDGE_ID    0x12378086U
#define BRIDGE_CLASS 0x06000002U

static uint32_t all_ones(unsigned int size)
{
	return size == 4 ? 0xffffffff : (1U << 8 * size) - 1;
}

static uint32_t bridge_read(unsigned int off, unsigned int size)
{
	uint32_t dword = 0;

	if ((off & ~3U) == 0x00)
		dword = BRIDGE_ID;
	else if ((off & ~3U) == 0x08)
		dword = BRIDGE_CLASS;
	return dword >> 8 * (off & 3) & all_ones(size);
}

static struct vpci_dev *find_slot(struct vm *vm, unsigned int slot)
{
	for (int i = 0; i < VPCI_MAX_DEVS; i++)
		if (vm->pci.dev[i] && vm->pci.dev[i]->slot == slot)
			return vm->pci.dev[i];
	return NULL;
}

int vpci_add(struct vm *vm, struct vpci_dev *dev)
{
	if (dev->slot == 0 || dev->slot > 31 || find_slot(vm, dev->slot))
		return -EEXIST;
	for (int i = 0; i < VPCI_MAX_DEVS; i++) {
		if (vm->pci.dev[i])
			continue;
		dev->vm = vm;
		vm->pci.dev[i] = dev;
		return 0;
	}
	return -ENOSPC;
}

static void config_access(struct vm *vm, uint16_t port, unsigned int size, bool write,
			  uint32_t *val)
{
	uint32_t cf8 = vm->pci.cf8;
	unsigned int off = CF8_REG(cf8) | (port & 3);
	bool there = cf8 & CF8_ENABLE && !CF8_BUS(cf8) && !CF8_FUNC(cf8) && (port & 3) + size <= 4;
	struct vpci_dev *dev = there ? find_slot(vm, CF8_SLOT(cf8)) : NULL;

	if (dev && write)
		dev->ops->cfg_write(dev, off, size, *val);
	else if (dev)
		*val = dev->ops->cfg_read(dev, off, size) & all_ones(size);
	else if (there && !write && CF8_SLOT(cf8) == 0)
		*val = bridge_read(off, size);
	else if (!write)
		*val = all_ones(size);
}

/* Only dwords select a register; smaller accesses here are for other devices of a PC. */
static void address_access(struct vm *vm, unsigned int size, bool write, uint32_t *val)
{
	if (size != 4)
		*val = write ? *val : all_ones(size);
	else if (write)
		vm->pci.cf8 = *val & CF8_VALID;
	else
		*val = vm->pci.cf8;
}

static bool bar_access(struct vm *vm, bool io, uint64_t addr, unsigned int size, bool write,
		       uint32_t *val)
{
	for (int i = 0; i < VPCI_MAX_DEVS; i++) {
		struct vpci_dev *dev = vm->pci.dev[i];
		uint32_t off;
		int bar;

		if (!dev || !dev->ops->bar_access)
			continue;
		bar = dev->ops->bar_find(dev, io, addr, &off);
		if (bar < 0)
			continue;
		if (!write)
			*val = 0;
		dev->ops->bar_access(dev, bar, off, size, write, val);
		return true;
	}
	return false;
}

bool vpci_io(struct vm *vm, uint16_t port, unsigned int size, bool write, uint32_t *val)
{
	if (port >= PORT_DATA && port < PORT_DATA + 4) {
		config_access(vm, port, size, write, val);
		return true;
	}
	if (port >= PORT_ADDRESS && port < PORT_ADDRESS + 4) {
		address_access(vm, size, write, val);
		return true;
	}
	return bar_access(vm, true, port, size, write, val);
}

bool vpci_mmio(struct vm *vm, gpa_t gpa, unsigned int size, bool write, uint32_t *val)
{
	return bar_access(vm, false, gpa, size, write, val);
}
