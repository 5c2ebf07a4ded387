/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration space of the machine's PCI functions, by ports CF8/CFC (mechanism 1): PCI Local Bus
 * 3.0, 3.2.2.3.2. Only the hypervisor uses these ports, so index and data need no lock. Interrupts
 * off.
 */
#ifndef HV_CPU_PCI_H
#define HV_CPU_PCI_H

#include "lib/types.h"

#define PCI_ID          0x00
#define PCI_COMMAND     0x04
#define PCI_STATUS      0x06
#define PCI_CLASS       0x0a /* base class and subclass */
#define PCI_HEADER_TYPE 0x0e
#define PCI_BAR0        0x10
#define PCI_CAP_POINTER 0x34
#define PCI_INT_LINE    0x3c
#define PCI_INT_PIN     0x3d

#define PCI_COMMAND_IO     BIT(0)
#define PCI_COMMAND_MEMORY BIT(1)
#define PCI_COMMAND_MASTER BIT(2)
#define PCI_STATUS_CAPS    BIT(4)
#define PCI_MULTIFUNCTION  BIT(7)

#define PCI_CLASS_ETHERNET 0x0200

struct pci_addr {
	uint8_t bus, dev, fn;
};

/* off < 256, size 1, 2 or 4, not crossing a dword. An absent function reads all ones. */
uint32_t pci_cfg_read(struct pci_addr addr, unsigned int off, unsigned int size);
void pci_cfg_write(struct pci_addr addr, unsigned int off, unsigned int size, uint32_t val);

/*
 * The first function in bus order with that class or identity. -ENODEV: none, *addr is unchanged.
 */
int pci_find_class(uint16_t class, struct pci_addr *addr);
int pci_find_id(uint16_t vendor, uint16_t device, struct pci_addr *addr);

#endif
