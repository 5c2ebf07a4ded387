/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration space of a virtio device (PCI 3.0 6.1, virtio 1.2 4.1.4). The bytes are an array
 * with a write mask; only BARs, the command register and MSI-X control have effects.
 */
#include "dev/virtio_pci.h"

#include "lib/string.h"

#define VENDOR_VIRTIO 0x1af4
#define STATUS_CAPS   0x10
#define REVISION      1
#define REG_BAR0      0x10
#define REG_BAR1      0x14
#define REG_CAPS      0x34
#define REG_INTX      0x3c
#define INTX_A        1
#define BAR_IO        1U
#define BAR0_MASK     0xff00U
#define BAR1_MASK     0xfffff000U
#define CAP_VENDOR    0x09
#define CAP_ID_MSIX   0x11
#define IO_BASE       0xc000U
#define MMIO_BASE     0xe0000000U
#define COMMAND_MASK  (PCI_CMD_IO | PCI_CMD_MEM | BIT(2) | BIT(8) | PCI_CMD_NO_INTX)

enum { CFG_COMMON = 1, CFG_NOTIFY, CFG_ISR, CFG_DEVICE, CFG_PCI };
enum { CAP_COMMON = 0x40, CAP_ISR = 0x50, CAP_DEVICE = 0x60, CAP_NOTIFY = 0x70 };

/* Within the PCI configuration access capability. */
enum { PCI_CFG_BAR = 4, PCI_CFG_OFFSET = 8, PCI_CFG_LENGTH = 12, PCI_CFG_DATA = 16 };

static void put(struct virtio_pci *vp, unsigned int off, unsigned int size, uint32_t val)
{
	memcpy(vp->space + off, &val, size);
}

static uint32_t get(const struct virtio_pci *vp, unsigned int off, unsigned int size)
{
	uint32_t val = 0;

	memcpy(&val, vp->space + off, size);
	return val;
}

static void add_cap(struct virtio_pci *vp, uint8_t at, uint8_t next, uint8_t len, uint8_t type,
		    uint32_t off, uint32_t region)
{
	put(vp, at, 1, CAP_VENDOR);
	put(vp, at + 1, 1, next);
	put(vp, at + 2, 1, len);
	put(vp, at + 3, 1, type);
	put(vp, at + 8, 4, off);
	put(vp, at + 12, 4, region);
}

void virtio_pci_cfg_init(struct virtio_pci *vp)
{
	memset(vp->space, 0, sizeof(vp->space));
	put(vp, 0x00, 2, VENDOR_VIRTIO);
	put(vp, 0x02, 2, vp->id->device);
	put(vp, 0x06, 2, STATUS_CAPS);
	put(vp, 0x08, 4, vp->id->class << 16 | REVISION);
	put(vp, 0x2c, 2, VENDOR_VIRTIO);
	put(vp, 0x2e, 2, vp->id->subsystem);
	put(vp, REG_CAPS, 1, CAP_COMMON);
	put(vp, REG_INTX, 1, vp->dev.intx_pin);
	put(vp, REG_INTX + 1, 1, INTX_A);
	vp->bar[0] = IO_BASE + vp->dev.slot * VP_IO_SIZE;
	vp->bar[1] = MMIO_BASE + vp->dev.slot * PAGE_SIZE;
	add_cap(vp, CAP_COMMON, CAP_ISR, 16, CFG_COMMON, VP_COMMON, VP_COMMON_LEN);
	add_cap(vp, CAP_ISR, CAP_DEVICE, 16, CFG_ISR, VP_ISR, 1);
	add_cap(vp, CAP_DEVICE, CAP_NOTIFY, 16, CFG_DEVICE, VP_DEVICE, VP_DEVICE_LEN);
	add_cap(vp, CAP_NOTIFY, VP_CAP_PCI_CFG, 20, CFG_NOTIFY, VP_NOTIFY, VP_NOTIFY_LEN);
	put(vp, CAP_NOTIFY + 16, 4, VP_NOTIFY_STEP);
	add_cap(vp, VP_CAP_PCI_CFG, VP_CAP_MSIX, 20, CFG_PCI, 0, 0);
	put(vp, VP_CAP_MSIX, 1, CAP_ID_MSIX);
	put(vp, VP_CAP_MSIX + 2, 2, VIRTIO_PCI_VECTORS - 1);
	put(vp, VP_CAP_MSIX + 4, 4, 1);          /* table: BAR1, offset 0 */
	put(vp, VP_CAP_MSIX + 8, 4, VP_PBA | 1); /* pending bits: BAR1 */
}

/* The window of the PCI configuration access capability: an access to BAR0 without its address. */
static bool window(struct virtio_pci *vp, bool write, uint32_t *val)
{
	uint32_t off = get(vp, VP_CAP_PCI_CFG + PCI_CFG_OFFSET, 4);
	uint32_t len = get(vp, VP_CAP_PCI_CFG + PCI_CFG_LENGTH, 4);

	if (vp->space[VP_CAP_PCI_CFG + PCI_CFG_BAR] || (len != 1 && len != 2 && len != 4) ||
	    off % len || off > VP_IO_SIZE - len)
		return false;
	virtio_pci_io(vp, off, len, write, val);
	return true;
}

uint32_t virtio_pci_cfg_read(struct vpci_dev *dev, unsigned int off, unsigned int size)
{
	struct virtio_pci *vp = container_of(dev, struct virtio_pci, dev);
	uint32_t val = 0;

	if (off == VP_CAP_PCI_CFG + PCI_CFG_DATA && window(vp, false, &val))
		return val;
	if ((off & ~3U) == REG_BAR0)
		return (vp->bar[0] | BAR_IO) >> 8 * (off & 3);
	if ((off & ~3U) == REG_BAR1)
		return vp->bar[1] >> 8 * (off & 3);
	return get(vp, off, size);
}

static void write_masked(struct virtio_pci *vp, unsigned int off, unsigned int size, uint32_t val,
			 unsigned int reg, unsigned int reg_size, uint32_t mask)
{
	for (unsigned int i = 0; i < size; i++) {
		unsigned int at = off + i - reg;
		uint8_t m;

		if (off + i < reg || at >= reg_size)
			continue;
		m = mask >> 8 * at;
		vp->space[off + i] = (vp->space[off + i] & ~m) | (val >> 8 * i & m);
	}
}

void virtio_pci_cfg_write(struct vpci_dev *dev, unsigned int off, unsigned int size, uint32_t val)
{
	struct virtio_pci *vp = container_of(dev, struct virtio_pci, dev);
	unsigned int cap = VP_CAP_PCI_CFG;

	if (off == cap + PCI_CFG_DATA) {
		window(vp, true, &val);
		return;
	}
	/* Linux and firmware write BARs as dwords only. */
	if (off == REG_BAR0 && size == 4)
		vp->bar[0] = val & BAR0_MASK;
	if (off == REG_BAR1 && size == 4)
		vp->bar[1] = val & BAR1_MASK;
	write_masked(vp, off, size, val, PCI_COMMAND, 2, COMMAND_MASK);
	write_masked(vp, off, size, val, 0x0c, 2, 0xffff); /* cache line, latency timer */
	write_masked(vp, off, size, val, REG_INTX, 1, 0xff);
	write_masked(vp, off, size, val, cap + PCI_CFG_BAR, 1, 0xff);
	write_masked(vp, off, size, val, cap + PCI_CFG_OFFSET, 4, 0xffffffff);
	write_masked(vp, off, size, val, cap + PCI_CFG_LENGTH, 4, 0xffffffff);
	write_masked(vp, off, size, val, VP_CAP_MSIX + 2, 2, MSIX_ENABLE | MSIX_MASK_ALL);
	virtio_msix_retry(vp);
	virtio_pci_update_intx(vp);
}
