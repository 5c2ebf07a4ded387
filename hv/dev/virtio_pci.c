/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio device on the PCI bus: where it sits and how it interrupts. Registers:
 * virtio_pci_regs.c.
 */
#include "dev/virtio_pci.h"

#include "lib/string.h"
#include "vm/irq.h"
#include "vm/vm.h"

#define ISR_QUEUE  BIT(0)
#define ISR_CONFIG BIT(1)

static void bar_access(struct vpci_dev *dev, unsigned int bar, uint32_t off, unsigned int size,
		       bool write, uint32_t *val)
{
	struct virtio_pci *vp = container_of(dev, struct virtio_pci, dev);

	if (bar == 0)
		virtio_pci_io(vp, off, size, write, val);
	else
		virtio_msix_mmio(vp, off, size, write, val);
}

static bool covers(uint32_t base, uint32_t size, uint64_t addr, uint32_t *off)
{
	if (!base || addr < base || addr - base >= size)
		return false;
	*off = addr - base;
	return true;
}

static int bar_find(struct vpci_dev *dev, bool io, uint64_t addr, uint32_t *off)
{
	struct virtio_pci *vp = container_of(dev, struct virtio_pci, dev);
	uint16_t command = virtio_pci_cfg16(vp, PCI_COMMAND);

	if (io && command & PCI_CMD_IO && covers(vp->bar[0], VP_IO_SIZE, addr, off))
		return 0;
	if (!io && command & PCI_CMD_MEM && covers(vp->bar[1], PAGE_SIZE, addr, off))
		return 1;
	return -1;
}

static const struct vpci_ops vpci_ops = {
	.cfg_read = virtio_pci_cfg_read,
	.cfg_write = virtio_pci_cfg_write,
	.bar_access = bar_access,
	.bar_find = bar_find,
};

static void reset_registers(struct virtio_pci *vp)
{
	vp->features = 0;
	vp->offered_select = vp->features_select = 0;
	vp->config_vector = VIRTIO_NO_VECTOR;
	vp->queue_select = 0;
	vp->status = vp->isr = 0;
	for (int i = 0; i < VIRTIO_PCI_QUEUES; i++)
		vp->queue[i] = (struct virtio_pci_queue){ .size = vp->id->queue_size,
							  .vector = VIRTIO_NO_VECTOR };
}

int virtio_pci_add(struct virtio_pci *vp, struct vm *vm)
{
	vp->dev.ops = &vpci_ops;
	virtio_pci_cfg_init(vp);
	virtio_msix_reset(vp);
	reset_registers(vp);
	return vpci_add(vm, &vp->dev);
}

bool virtio_pci_started(const struct virtio_pci *vp)
{
	return (vp->status & (VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_FAILED)) ==
		       VIRTIO_STATUS_DRIVER_OK &&
	       vm_alive(vp->dev.vm);
}

/*
 * The line is high while the ISR holds a bit, unless the driver uses MSI-X or turned the line off.
 */
void virtio_pci_update_intx(struct virtio_pci *vp)
{
	bool off = virtio_msix_enabled(vp) || virtio_pci_cfg16(vp, PCI_COMMAND) & PCI_CMD_NO_INTX;

	vm_pin_set(vp->dev.vm, vp->dev.intx_pin, vp->isr && !off);
}

static void raise(struct virtio_pci *vp, uint16_t vector, uint8_t isr)
{
	if (virtio_msix_enabled(vp)) {
		if (vector == VIRTIO_NO_VECTOR)
			return;
		vp->irqs++;
		virtio_msix_fire(vp, vector);
		return;
	}
	vp->irqs++;
	vp->isr |= isr;
	virtio_pci_update_intx(vp);
}

void virtio_pci_queue_irq(struct virtio_pci *vp, unsigned int queues)
{
	uint16_t done = VIRTIO_NO_VECTOR;

	for (unsigned int i = 0; i < VIRTIO_PCI_QUEUES; i++) {
		uint16_t vector = vp->queue[i].vector;

		if (!(queues & BIT(i)) || (vector == done && done != VIRTIO_NO_VECTOR))
			continue;
		raise(vp, vector, ISR_QUEUE);
		if (!virtio_msix_enabled(vp))
			return;
		done = vector;
	}
}

void virtio_pci_config_changed(struct virtio_pci *vp)
{
	vp->generation++;
	if (vp->status & VIRTIO_STATUS_DRIVER_OK)
		raise(vp, vp->config_vector, ISR_CONFIG);
}

void virtio_pci_reset(struct virtio_pci *vp)
{
	reset_registers(vp);
	virtio_pci_update_intx(vp);
	vp->ops->reset(vp);
}

void virtio_pci_power_up(struct virtio_pci *vp)
{
	virtio_pci_cfg_init(vp);
	virtio_msix_reset(vp);
	virtio_pci_reset(vp);
}
