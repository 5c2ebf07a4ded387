/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Quiet cards. Bus mastering off stops every write to memory at once; the reset is for later: a new
 * driver turns bus mastering on before it has set the card up, and without a reset the card would
 * then go on with the addresses of the old one.
 */
#include "dev/nic_quiet.h"

#include "cpu/ioapic.h"
#include "cpu/timer.h"
#include "cpu/x86.h"
#include "debug/log.h"
#include "dev/vpci_pass.h"
#include "lib/errno.h"
#include "mem/paging.h"

#define RTE_MASKED 0x10000

#define CAP_PCIE      0x10
#define CAP_LIST_MAX  48
#define PCIE_DEVCAP   4
#define PCIE_DEVCTL   8
#define PCIE_DEVSTA   10
#define DEVCAP_FLR    BIT(28)
#define DEVCTL_FLR    BIT(15)
#define DEVSTA_ACTIVE BIT(5) /* transactions pending */
#define FLR_MS        100

#define E1000_CTRL   0x0000
#define E1000_STATUS 0x0008
#define E1000_ICR    0x00c0
#define E1000_IMS    0x00d0
#define E1000_IMC    0x00d8
#define E1000_RCTL   0x0100
#define E1000_TCTL   0x0400
#define E1000_BYTES  0x20000
#define CTRL_RST     BIT(26)
#define RCTL_EN      BIT(1)
#define TCTL_EN      BIT(1)
#define SETTLE_MS    10 /* what is on its way; and the reload of the EEPROM */

/* The 8254x of QEMU's e1000: conventional PCI, so their only reset is their own. */
static const uint16_t e1000_ids[] = { 0x1008, 0x100e, 0x100f };

static volatile uint32_t *registers; /* of an 8254x: one card, its BAR never moves */

static void wait_ms(uint64_t ms)
{
	uint64_t end = tsc_now() + ms * tsc_khz;

	while (tsc_now() < end)
		cpu_relax();
}

/* ---- the 8254x ---- */

static bool is_e1000(const struct vpci_pass *nic)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(e1000_ids); i++)
		if (nic->vendor == 0x8086 && nic->device == e1000_ids[i])
			return !nic->bar[0].io && nic->bar[0].size >= E1000_BYTES;
	return false;
}

/*
 * Receiver and transmitter go off by their own bits first: the reset alone would cut a transfer
 * short, and what is read back afterwards does not then depend on how a model does the reset.
 */
static int reset_e1000(void)
{
	volatile uint32_t *reg = registers;

	reg[E1000_IMC / 4] = 0xffffffff;
	reg[E1000_RCTL / 4] = 0;
	reg[E1000_TCTL / 4] = 0;
	(void)reg[E1000_STATUS / 4]; /* the writes have arrived */
	wait_ms(SETTLE_MS);
	reg[E1000_CTRL / 4] = reg[E1000_CTRL / 4] | CTRL_RST;
	wait_ms(SETTLE_MS);
	reg[E1000_IMC / 4] = 0xffffffff;
	(void)reg[E1000_ICR / 4]; /* lowers the pin */
	log_info("  its registers: CTRL %x RCTL %x TCTL %x IMS %x", reg[E1000_CTRL / 4],
		 reg[E1000_RCTL / 4], reg[E1000_TCTL / 4], reg[E1000_IMS / 4]);
	if (reg[E1000_CTRL / 4] & CTRL_RST || reg[E1000_RCTL / 4] & RCTL_EN ||
	    reg[E1000_TCTL / 4] & TCTL_EN || reg[E1000_IMS / 4])
		return -EIO; /* a card that is gone reads all ones */
	return 0;
}

/* ---- PCI Express ---- */

static unsigned int find_pcie(struct pci_addr addr)
{
	unsigned int off, left = CAP_LIST_MAX; /* a broken list may be a ring */

	if (!(pci_cfg_read(addr, PCI_STATUS, 2) & PCI_STATUS_CAPS))
		return 0;
	off = pci_cfg_read(addr, PCI_CAP_POINTER, 1) & 0xfc;
	while (off >= 0x40 && left--) {
		if (pci_cfg_read(addr, off, 1) == CAP_PCIE)
			return off;
		off = pci_cfg_read(addr, off + 1, 1) & 0xfc;
	}
	return 0;
}

/* After a function reset the registers are as after power-up; the firmware had set the BARs. */
static void restore_bars(const struct vpci_pass *nic)
{
	for (unsigned int i = 0; i < VPCI_PASS_BARS; i++)
		pci_cfg_write(nic->addr, PCI_BAR0 + 4 * i, 4, nic->bar_real[i]);
	pci_cfg_write(nic->addr, PCI_INT_LINE, 1, nic->pin);
}

static int reset_function(const struct vpci_pass *nic, unsigned int cap)
{
	for (int i = 0; i < FLR_MS / SETTLE_MS; i++) {
		if (!(pci_cfg_read(nic->addr, cap + PCIE_DEVSTA, 2) & DEVSTA_ACTIVE))
			break;
		wait_ms(SETTLE_MS);
	}
	pci_cfg_write(nic->addr, cap + PCIE_DEVCTL, 2,
		      pci_cfg_read(nic->addr, cap + PCIE_DEVCTL, 2) | DEVCTL_FLR);
	wait_ms(FLR_MS);
	restore_bars(nic);
	if (pci_cfg_read(nic->addr, PCI_ID, 2) != nic->vendor ||
	    pci_cfg_read(nic->addr, cap + PCIE_DEVSTA, 2) & DEVSTA_ACTIVE)
		return -EIO;
	return 0;
}

/* ---- all cards ---- */

static int reset(const struct vpci_pass *nic)
{
	unsigned int cap = find_pcie(nic->addr);

	if (cap && pci_cfg_read(nic->addr, cap + PCIE_DEVCAP, 4) & DEVCAP_FLR)
		return reset_function(nic, cap);
	if (is_e1000(nic))
		return reset_e1000();
	log_warn("network card %04x:%04x: no way of resetting it is known", nic->vendor,
		 nic->device);
	return -EOPNOTSUPP;
}

void nic_quiet_prepare(const struct vpci_pass *nic)
{
	if (is_e1000(nic))
		registers = mmio_map(nic->bar[0].base, E1000_BYTES);
}

int nic_quiet(const struct vpci_pass *nic)
{
	uint16_t command = PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
	int rc;

	ioapic_mask(nic->pin);
	pci_cfg_write(nic->addr, PCI_COMMAND, 2, command); /* and its pin is enabled again */
	rc = reset(nic);
	pci_cfg_write(nic->addr, PCI_COMMAND, 2, command);
	command = pci_cfg_read(nic->addr, PCI_COMMAND, 2);
	if (!rc && (command & PCI_COMMAND_MASTER || !(ioapic_rte(nic->pin) & RTE_MASKED)))
		rc = -EIO;
	if (rc)
		log_warn("network card 00:%02x.0 is NOT quiet: error %d, command %04x, pin %u %s",
			 nic->dev.slot, rc, command, nic->pin,
			 ioapic_rte(nic->pin) & RTE_MASKED ? "masked" : "open");
	else
		log_info("[ ok ] network card 00:%02x.0 is quiet: pin %u masked, bus master off "
			 "(command %04x), reset",
			 nic->dev.slot, nic->pin, command);
	return rc;
}
