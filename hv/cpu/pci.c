/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI configuration space and the search in it. */
#include "cpu/pci.h"

#include "cpu/x86.h"
#include "lib/errno.h"

#define PORT_INDEX 0xcf8
#define PORT_DATA  0xcfc
#define ENABLE     0x80000000U

static void select(struct pci_addr addr, unsigned int off)
{
	outl(PORT_INDEX,
	     ENABLE | addr.bus << 16 | (addr.dev & 31) << 11 | (addr.fn & 7) << 8 | (off & 0xfc));
}

uint32_t pci_cfg_read(struct pci_addr addr, unsigned int off, unsigned int size)
{
	uint16_t port = PORT_DATA + (off & 3);

	select(addr, off);
	return size == 4 ? inl(port) : size == 2 ? inw(port) : inb(port);
}

void pci_cfg_write(struct pci_addr addr, unsigned int off, unsigned int size, uint32_t val)
{
	uint16_t port = PORT_DATA + (off & 3);

	select(addr, off);
	if (size == 4)
		outl(port, val);
	else if (size == 2)
		outw(port, val);
	else
		outb(port, val);
}

/* The first function whose register at off (size bytes) has the value. */
static int find(unsigned int off, unsigned int size, uint32_t val, struct pci_addr *addr)
{
	for (unsigned int bus_dev = 0; bus_dev < 256 * 32; bus_dev++) {
		struct pci_addr a = { .bus = bus_dev / 32, .dev = bus_dev % 32 };
		unsigned int functions;

		if ((uint16_t)pci_cfg_read(a, PCI_ID, 2) == 0xffff)
			continue;
		functions = pci_cfg_read(a, PCI_HEADER_TYPE, 1) & PCI_MULTIFUNCTION ? 8 : 1;
		for (a.fn = 0; a.fn < functions; a.fn++)
			if (pci_cfg_read(a, off, size) == val) {
				*addr = a;
				return 0;
			}
	}
	return -ENODEV;
}

int pci_find_class(uint16_t class, struct pci_addr *addr)
{
	return find(PCI_CLASS, 2, class, addr);
}

int pci_find_id(uint16_t vendor, uint16_t device, struct pci_addr *addr)
{
	return find(PCI_ID, 4, vendor | (uint32_t)device << 16, addr);
}
