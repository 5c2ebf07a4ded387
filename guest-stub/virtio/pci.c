/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virtio/pci.h"
#include "cpu/x86.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  0x80000000u

#define PCI_VENDOR       0x00
#define PCI_DEVICE       0x02
#define PCI_COMMAND      0x04
#define PCI_STATUS       0x06
#define PCI_HEADER_TYPE  0x0e
#define PCI_BAR0         0x10
#define PCI_CAPABILITIES 0x34
#define STATUS_CAP_LIST  0x10
#define HEADER_MULTI     0x80
#define COMMAND_IO       0x001
#define COMMAND_MEMORY   0x002
#define COMMAND_MASTER   0x004
#define COMMAND_INTX_OFF 0x400
#define BAR_IO           0x1
#define BAR_64BIT        0x4
#define MAX_CAPABILITIES 48

static void select(pci_addr dev, uint8_t offset)
{
	out32(CONFIG_ADDRESS, CONFIG_ENABLE | dev | (offset & 0xfc));
}

uint8_t pci_read8(pci_addr dev, uint8_t offset)
{
	select(dev, offset);
	return in8(CONFIG_DATA + (offset & 3));
}

uint16_t pci_read16(pci_addr dev, uint8_t offset)
{
	select(dev, offset);
	return in16(CONFIG_DATA + (offset & 2));
}

uint32_t pci_read32(pci_addr dev, uint8_t offset)
{
	select(dev, offset);
	return in32(CONFIG_DATA);
}

void pci_write16(pci_addr dev, uint8_t offset, uint16_t value)
{
	select(dev, offset);
	out16(CONFIG_DATA + (offset & 2), value);
}

pci_addr pci_find(uint16_t vendor, uint16_t device, uint16_t other_device)
{
	for (uint32_t slot = 0; slot < 32; slot++) {
		pci_addr first = slot << 11;
		unsigned int functions;

		if (pci_read16(first, PCI_VENDOR) == 0xffff)
			continue;
		functions = pci_read8(first, PCI_HEADER_TYPE) & HEADER_MULTI ? 8 : 1;
		for (uint32_t f = 0; f < functions; f++) {
			pci_addr dev = first | f << 8;
			uint16_t id = pci_read16(dev, PCI_DEVICE);

			if (pci_read16(dev, PCI_VENDOR) == vendor &&
			    (id == device || id == other_device))
				return dev;
		}
	}
	return PCI_NONE;
}

uint8_t pci_find_cap(pci_addr dev, uint8_t id, uint8_t after)
{
	uint8_t at;

	if (!(pci_read16(dev, PCI_STATUS) & STATUS_CAP_LIST))
		return 0;
	at = pci_read8(dev, after ? after + 1 : PCI_CAPABILITIES) & 0xfc;
	for (unsigned int n = 0; at && n < MAX_CAPABILITIES; n++) {
		if (pci_read8(dev, at) == id)
			return at;
		at = pci_read8(dev, at + 1) & 0xfc;
	}
	return 0;
}

struct pci_bar pci_bar(pci_addr dev, unsigned int index)
{
	uint8_t offset = (uint8_t)(PCI_BAR0 + 4 * index);
	uint32_t low = pci_read32(dev, offset);
	struct pci_bar bar = { .is_io = low & BAR_IO };

	if (bar.is_io) {
		bar.base = low & 0xfffc;
	} else {
		bar.base = low & ~0xfu;
		if ((low & BAR_64BIT) && index < 5)
			bar.base |= (uint64_t)pci_read32(dev, offset + 4) << 32;
	}
	return bar;
}

void pci_enable(pci_addr dev)
{
	uint16_t command = pci_read16(dev, PCI_COMMAND);

	command |= COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER | COMMAND_INTX_OFF;
	pci_write16(dev, PCI_COMMAND, command);
}
