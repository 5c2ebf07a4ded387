/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MSI-X of a virtio device: table, masks, pending bits (PCI 3.0 6.8.2). */
#include "dev/virtio_pci.h"

#include "lib/string.h"
#include "vm/irq.h"

#define ENTRY_BYTES  16
#define TABLE_BYTES  (VIRTIO_PCI_VECTORS * ENTRY_BYTES)
#define ENTRY_MASKED BIT(0)

ASSERT_SIZE(struct virtio_msix_entry, ENTRY_BYTES);

static uint16_t control(const struct virtio_pci *vp)
{
	return virtio_pci_cfg16(vp, VP_CAP_MSIX + 2);
}

bool virtio_msix_enabled(const struct virtio_pci *vp)
{
	return control(vp) & MSIX_ENABLE;
}

void virtio_msix_reset(struct virtio_pci *vp)
{
	memset(vp->msix, 0, sizeof(vp->msix));
	for (int i = 0; i < VIRTIO_PCI_VECTORS; i++)
		vp->msix[i].control = ENTRY_MASKED;
	vp->msix_pending = 0;
}

void virtio_msix_fire(struct virtio_pci *vp, uint16_t vector)
{
	const struct virtio_msix_entry *e = &vp->msix[vector % VIRTIO_PCI_VECTORS];

	if (control(vp) & MSIX_MASK_ALL || e->control & ENTRY_MASKED)
		vp->msix_pending |= BIT(vector);
	else
		vm_msi_raise(vp->dev.vm, (uint64_t)e->addr_hi << 32 | e->addr_lo, e->data);
}

void virtio_msix_retry(struct virtio_pci *vp)
{
	uint32_t pending = vp->msix_pending;

	if (!virtio_msix_enabled(vp))
		return;
	vp->msix_pending = 0; /* what is still masked comes back */
	for (unsigned int i = 0; i < VIRTIO_PCI_VECTORS; i++)
		if (pending & BIT(i))
			virtio_msix_fire(vp, i);
}

/*
 * Dwords only: the specification allows dwords and quadwords, and no driver uses the latter here.
 */
void virtio_msix_mmio(struct virtio_pci *vp, uint32_t off, unsigned int size, bool write,
		      uint32_t *val)
{
	uint32_t *reg = (uint32_t *)vp->msix + off / 4;

	if (size != 4 || off % 4)
		return;
	if (off < TABLE_BYTES) {
		if (!write) {
			*val = *reg;
			return;
		}
		*reg = off % ENTRY_BYTES == 12 ? *val & ENTRY_MASKED : *val;
		virtio_msix_retry(vp);
	} else if (off == VP_PBA && !write) {
		*val = vp->msix_pending;
	}
}
