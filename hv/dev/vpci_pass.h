/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A real PCI function that a VM owns, seen as function 0 of the same device number on its bus 0.
 * Registers in BARs are the VM's own; configuration space goes through a filter, by dword: what may
 * be read, what may be written, and what reads as something else. Hidden: MSI and MSI-X (interrupts
 * come through the mirrored IOAPIC pin), power management (leaving D3 resets the BARs), expansion
 * ROM, and everything unknown behind the header. BARs do not move: sizing is answered, the real
 * address is accepted, any other is refused and logged once. Source: PCI Local Bus 3.0 chapter 6;
 * the idea of the table: Jailhouse's pci.c.
 */
#ifndef HV_DEV_VPCI_PASS_H
#define HV_DEV_VPCI_PASS_H

#include "cpu/pci.h"
#include "dev/vpci.h"

#define VPCI_PASS_BARS 6

struct vpci_pass_bar {
	uint64_t base,
		size; /* hpa or port; size 0: no such BAR, or the upper half of a 64-bit one */
	bool io;
};

struct vpci_pass {
	struct vpci_dev dev;
	struct pci_addr addr;
	uint16_t vendor, device;
	uint8_t pin; /* physical IOAPIC pin of its INTx */
	uint64_t msix, msix_bytes, pba,
		pba_bytes; /* hpa of MSI-X table and pending bits; 0: none */
	struct vpci_pass_bar bar[VPCI_PASS_BARS];

	/* A register reads (hardware & read_mask) | fixed; writes change the bits of write_mask. */
	uint32_t read_mask[64], write_mask[64], fixed[64];
	uint32_t bar_real[VPCI_PASS_BARS]; /* register value of the real address */
	uint32_t bar_mask[VPCI_PASS_BARS]; /* address bits of the register */
	bool refused;                      /* a move of a BAR, logged */
};

/*
 * Reads the function and adds it to the VM's bus; the VM must be the only user of the function from
 * now on. The caller opens bar[] and pin to the VM. -ENODEV: nothing there; -EINVAL (logged): a
 * bridge, or no usable interrupt pin; else as vpci_add(). Sizing briefly switches the function's
 * decoding off.
 */
int vpci_pass_init(struct vpci_pass *p, struct vm *vm, uint8_t bus, uint8_t dev, uint8_t fn);

/* The same for the machine's first Ethernet controller. */
int vpci_pass_find_nic(struct vpci_pass *p, struct vm *vm);

/*
 * The VM starts anew: it finds the BARs at their addresses. Its function itself is reset by
 * nic_quiet().
 */
void vpci_pass_reset(struct vpci_pass *p);

/*
 * Whether the twin may reach a page (hpa of any of its bytes): memory of a BAR, but no page with
 * the MSI-X table or its pending bits, where an interrupt of any vector could be forged (R3).
 */
bool vpci_pass_may_map(const struct vpci_pass *p, uint64_t hpa);

#endif
