/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI configuration space through ports CF8/CFC, and the base address registers of one function.
 * Bus 0 only. Firmware or the hypervisor has assigned the addresses; nothing here moves one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A function, as CF8 wants it: bus, device and function in bits 8..23. */
typedef uint32_t pci_addr;

#define PCI_NONE UINT32_MAX

#define PCI_CAP_VENDOR 0x09
#define PCI_CAP_MSIX   0x11

struct pci_bar {
	bool is_io;
	uint64_t base; /* 0 = not implemented or not assigned */
};

uint8_t pci_read8(pci_addr dev, uint8_t offset);
uint16_t pci_read16(pci_addr dev, uint8_t offset);
uint32_t pci_read32(pci_addr dev, uint8_t offset);
void pci_write16(pci_addr dev, uint8_t offset, uint16_t value);

/* The first function on bus 0 with this vendor and one of two device numbers, or PCI_NONE. */
pci_addr pci_find(uint16_t vendor, uint16_t device, uint16_t other_device);

/*
 * The first capability of this kind behind `after` (0 = from the start), or 0. A list that loops
 * ends after 48 entries, the most that fit.
 */
uint8_t pci_find_cap(pci_addr dev, uint8_t id, uint8_t after);

/* index 0..5; a 64-bit register is read together with its upper half. */
struct pci_bar pci_bar(pci_addr dev, unsigned int index);

/* Turn on port and memory decoding and bus mastering, and INTx off. */
void pci_enable(pci_addr dev);
