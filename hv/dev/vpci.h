/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI bus 0 that a VM sees: configuration space through CF8/CFC (mechanism 1, no MCFG), a
 * dummy host bridge at 00:00.0 (without one Linux finds no bus), and up to VPCI_MAX_DEVS devices.
 * A device is either a model (dev/virtio_pci.c) or a filtered real function (dev/vpci_pass.c).
 * BARs are decoded by their current register value and the command register, never by a constant.
 */
#ifndef HV_DEV_VPCI_H
#define HV_DEV_VPCI_H

#include "lib/types.h"

#define VPCI_MAX_DEVS 8

struct vm;
struct vpci_dev;

struct vpci_ops {
	/* Configuration space, off < 256, size 1, 2 or 4, never crossing a dword. */
	uint32_t (*cfg_read)(struct vpci_dev *dev, unsigned int off, unsigned int size);
	void (*cfg_write)(struct vpci_dev *dev, unsigned int off, unsigned int size, uint32_t val);
	/*
	 * An access that falls into an enabled BAR that the device wants emulated; NULL when all
	 * BARs are passed through. For a read the result goes to *val.
	 */
	void (*bar_access)(struct vpci_dev *dev, unsigned int bar, uint32_t off, unsigned int size,
			   bool write, uint32_t *val);
	/*
	 * Finds the emulated, enabled BAR that covers an address: returns its number and the
	 * offset, or -1. io says whether addr is a port.
	 */
	int (*bar_find)(struct vpci_dev *dev, bool io, uint64_t addr, uint32_t *off);
};

struct vpci_dev {
	const struct vpci_ops *ops;
	struct vm *vm;
	uint8_t slot;     /* device number on bus 0; function 0 */
	uint8_t intx_pin; /* virtual IOAPIC pin of INTA */
};

struct vpci_bus {
	struct vpci_dev *dev[VPCI_MAX_DEVS];
	uint32_t cf8;
};

/*
 * Adds a device; the caller keeps ownership and has set slot. -EEXIST: slot taken, -ENOSPC: bus
 * full.
 */
int vpci_add(struct vm *vm, struct vpci_dev *dev);

/*
 * A port access of the VM (size 1, 2, 4). Returns true when it was CF8..CFF or in a BAR; an access
 * to an absent device reads all ones. *val: in for writes, out for reads.
 */
bool vpci_io(struct vm *vm, uint16_t port, unsigned int size, bool write, uint32_t *val);

/* The same for an emulated memory BAR. */
bool vpci_mmio(struct vm *vm, gpa_t gpa, unsigned int size, bool write, uint32_t *val);

#endif
