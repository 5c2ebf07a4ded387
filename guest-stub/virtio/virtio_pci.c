/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virtio/virtio_pci.h"
#include "cpu/idt.h"
#include "cpu/lapic.h"
#include "cpu/paging.h"
#include "cpu/power.h"
#include "cpu/x86.h"
#include "virtio/pci.h"

#define PCI_VENDOR_VIRTIO           0x1af4
#define PCI_DEVICE_NET              0x1041
#define PCI_DEVICE_NET_TRANSITIONAL 0x1000

/* struct virtio_pci_cap, virtio 1.2 4.1.4 */
#define CAP_LENGTH     2
#define CAP_CFG_TYPE   3
#define CAP_BAR        4
#define CAP_BAR_OFFSET 8
#define CAP_BAR_LENGTH 12
#define CAP_MULTIPLIER 16

enum { CFG_COMMON = 1, CFG_NOTIFY = 2, CFG_DEVICE = 4 };

/* struct virtio_pci_common_cfg, virtio 1.2 4.1.4.3 */
enum common_reg {
	DEVICE_FEATURE_SELECT = 0x00,
	DEVICE_FEATURE = 0x04,
	DRIVER_FEATURE_SELECT = 0x08,
	DRIVER_FEATURE = 0x0c,
	CONFIG_MSIX_VECTOR = 0x10,
	DEVICE_STATUS = 0x14,
	QUEUE_SELECT = 0x16,
	QUEUE_SIZE = 0x18,
	QUEUE_MSIX_VECTOR = 0x1a,
	QUEUE_ENABLE = 0x1c,
	QUEUE_NOTIFY_OFF = 0x1e,
	QUEUE_DESC = 0x20,
	QUEUE_DRIVER = 0x28,
	QUEUE_DEVICE = 0x30,
	COMMON_BYTES = 0x38,
};

#define STATUS_ACKNOWLEDGE 1
#define STATUS_DRIVER      2
#define STATUS_DRIVER_OK   4
#define STATUS_FEATURES_OK 8

/* MSI-X, PCI 3.0 6.8.2 */
#define MSIX_CONTROL       2
#define MSIX_TABLE         4
#define MSIX_ENABLE        0x8000
#define MSIX_FUNCTION_MASK 0x4000
#define MSIX_SIZE_MASK     0x07ff
#define MSIX_ENTRY_BYTES   16
#define MSIX_NO_VECTOR     0xffff

/*
 * One access of `bits` to a register, by port or by memory. The memory form is a plain MOV
 * between a register and memory (opcodes 88..8b): a hypervisor that must decode it need know no
 * other, where the compiler would also use MOV with an immediate.
 */
#define REGION_ACCESS(bits, type, suffix)                                                          \
	static type region_read##bits(const struct virtio_region *r, uint32_t offset)              \
	{                                                                                          \
		type value;                                                                        \
                                                                                                   \
		if (r->is_io)                                                                      \
			return in##bits((uint16_t)(r->port + offset));                             \
		__asm__ volatile("mov" suffix " %1, %0"                                            \
				 : "=q"(value)                                                     \
				 : "m"(*(volatile type *)(r->mmio + offset))                       \
				 : "memory");                                                      \
		return value;                                                                      \
	}                                                                                          \
                                                                                                   \
	static void region_write##bits(const struct virtio_region *r, uint32_t offset, type value) \
	{                                                                                          \
		if (r->is_io)                                                                      \
			out##bits((uint16_t)(r->port + offset), value);                            \
		else                                                                               \
			__asm__ volatile("mov" suffix " %1, %0"                                    \
					 : "=m"(*(volatile type *)(r->mmio + offset))              \
					 : "q"(value)                                              \
					 : "memory");                                              \
	}

REGION_ACCESS(8, uint8_t, "b")
REGION_ACCESS(16, uint16_t, "w")
REGION_ACCESS(32, uint32_t, "l")

/* 64-bit fields are written as two halves: a port has no 8-byte access (virtio 1.2 4.1.3.1). */
static void region_write64(const struct virtio_region *r, uint32_t offset, uint64_t value)
{
	region_write32(r, offset, (uint32_t)value);
	region_write32(r, offset + 4, (uint32_t)(value >> 32));
}

/* Make [offset, offset + length) of a base address register accessible. */
static struct virtio_region region_open(pci_addr dev, unsigned int index, uint32_t offset,
					uint32_t length)
{
	struct virtio_region r = { .length = length };
	struct pci_bar bar;

	if (index > 5)
		panic("virtio: capability names BAR %u", index);
	bar = pci_bar(dev, index);
	if (!bar.base)
		panic("virtio: BAR %u has no address", index);
	r.is_io = bar.is_io;
	if (bar.is_io) {
		if (bar.base + offset + length > 0x10000)
			panic("virtio: BAR %u does not fit the port space", index);
		r.port = (uint16_t)(bar.base + offset);
	} else {
		r.mmio = paging_map_device(bar.base + offset, length);
	}
	return r;
}

/* The spec lets a device offer a group more than once and prefers the first (virtio 1.2 4.1.4). */
static uint8_t find_group(pci_addr dev, uint8_t type, uint32_t min_length, struct virtio_region *r)
{
	uint8_t cap = 0;

	while ((cap = pci_find_cap(dev, PCI_CAP_VENDOR, cap))) {
		uint32_t length;

		if (pci_read8(dev, cap + CAP_CFG_TYPE) != type)
			continue;
		length = pci_read32(dev, cap + CAP_BAR_LENGTH);
		if (length < min_length)
			panic("virtio: register group %u has only %u bytes", type, length);
		*r = region_open(dev, pci_read8(dev, cap + CAP_BAR),
				 pci_read32(dev, cap + CAP_BAR_OFFSET), length);
		return cap;
	}
	panic("virtio: register group %u is missing", type);
}

static void reset(struct virtio_pci *vp)
{
	region_write8(&vp->common, DEVICE_STATUS, 0);
	while (region_read8(&vp->common, DEVICE_STATUS))
		cpu_relax();
	region_write8(&vp->common, DEVICE_STATUS, STATUS_ACKNOWLEDGE);
	region_write8(&vp->common, DEVICE_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
}

static void status_add(struct virtio_pci *vp, uint8_t bit)
{
	region_write8(&vp->common, DEVICE_STATUS, region_read8(&vp->common, DEVICE_STATUS) | bit);
}

static void msix_entry_write(const struct virtio_region *table, unsigned int entry, uint8_t vector)
{
	uint32_t at = entry * MSIX_ENTRY_BYTES;

	region_write32(table, at, lapic_msi_address());
	region_write32(table, at + 4, 0);
	region_write32(table, at + 8, vector);
	region_write32(table, at + 12, 0); /* unmasked */
}

static void msix_init(struct virtio_pci *vp)
{
	uint8_t cap = pci_find_cap(vp->pci, PCI_CAP_MSIX, 0);
	struct virtio_region table;
	uint32_t where;
	uint16_t control;

	if (!cap)
		return;
	where = pci_read32(vp->pci, cap + MSIX_TABLE);
	control = pci_read16(vp->pci, cap + MSIX_CONTROL);
	vp->queue_entry = control & MSIX_SIZE_MASK ? 1 : 0;
	table = region_open(vp->pci, where & 7, where & ~7u,
			    (vp->queue_entry + 1) * MSIX_ENTRY_BYTES);
	/*
	 * The function stays masked while its entries are written, or a half-written one could
	 * fire.
	 */
	pci_write16(vp->pci, cap + MSIX_CONTROL, control | MSIX_ENABLE | MSIX_FUNCTION_MASK);
	msix_entry_write(&table, 0, VECTOR_NET_CONFIG);
	msix_entry_write(&table, vp->queue_entry, VECTOR_NET_QUEUE);
	pci_write16(vp->pci, cap + MSIX_CONTROL, (control & ~MSIX_FUNCTION_MASK) | MSIX_ENABLE);
	vp->msix = true;
}

/* A device that cannot give the vector answers with NO_VECTOR (virtio 1.2 4.1.5.1.2). */
static void vector_set(struct virtio_pci *vp, enum common_reg reg, uint16_t entry)
{
	region_write16(&vp->common, reg, entry);
	if (region_read16(&vp->common, reg) != entry)
		panic("virtio: the device refused interrupt entry %u", entry);
}

bool virtio_pci_init(struct virtio_pci *vp)
{
	uint8_t cap;

	vp->pci = pci_find(PCI_VENDOR_VIRTIO, PCI_DEVICE_NET, PCI_DEVICE_NET_TRANSITIONAL);
	if (vp->pci == PCI_NONE)
		return false;
	pci_enable(vp->pci);
	find_group(vp->pci, CFG_COMMON, COMMON_BYTES, &vp->common);
	find_group(vp->pci, CFG_DEVICE, 8, &vp->device);
	cap = find_group(vp->pci, CFG_NOTIFY, 2, &vp->notify);
	vp->notify_multiplier = pci_read32(vp->pci, cap + CAP_MULTIPLIER);
	reset(vp);
	msix_init(vp);
	return true;
}

void virtio_pci_negotiate(struct virtio_pci *vp, uint64_t wanted)
{
	const struct virtio_region *c = &vp->common;
	uint64_t offered;

	region_write32(c, DEVICE_FEATURE_SELECT, 0);
	offered = region_read32(c, DEVICE_FEATURE);
	region_write32(c, DEVICE_FEATURE_SELECT, 1);
	offered |= (uint64_t)region_read32(c, DEVICE_FEATURE) << 32;
	if (!(offered & VIRTIO_F_VERSION_1))
		panic("virtio: the device is not a modern one (features 0x%lx)", offered);
	vp->features = offered & wanted;
	region_write32(c, DRIVER_FEATURE_SELECT, 0);
	region_write32(c, DRIVER_FEATURE, (uint32_t)vp->features);
	region_write32(c, DRIVER_FEATURE_SELECT, 1);
	region_write32(c, DRIVER_FEATURE, (uint32_t)(vp->features >> 32));
	status_add(vp, STATUS_FEATURES_OK);
	if (!(region_read8(c, DEVICE_STATUS) & STATUS_FEATURES_OK))
		panic("virtio: the device refused features 0x%lx", vp->features);
	if (vp->msix)
		vector_set(vp, CONFIG_MSIX_VECTOR, vp->queue_entry ? 0 : MSIX_NO_VECTOR);
}

/* The largest power of two that both sides can do. */
static uint16_t queue_size(uint16_t offered)
{
	uint16_t size = VRING_MAX;

	while (size > offered)
		size /= 2;
	return size;
}

bool virtio_pci_queue_enable(struct virtio_pci *vp, uint16_t index, struct vring *vr, void *memory)
{
	const struct virtio_region *c = &vp->common;
	uint64_t notify;
	uint16_t size;

	region_write16(c, QUEUE_SELECT, index);
	size = queue_size(region_read16(c, QUEUE_SIZE));
	if (!size)
		return false;
	vring_init(vr, memory, size, vp->features & VIRTIO_F_EVENT_IDX);
	region_write16(c, QUEUE_SIZE, size);
	region_write64(c, QUEUE_DESC, (uint64_t)vr->desc);
	region_write64(c, QUEUE_DRIVER, (uint64_t)vr->avail);
	region_write64(c, QUEUE_DEVICE, (uint64_t)vr->used);
	if (vp->msix)
		vector_set(vp, QUEUE_MSIX_VECTOR, vp->queue_entry);
	notify = (uint64_t)region_read16(c, QUEUE_NOTIFY_OFF) * vp->notify_multiplier;
	vp->notify_offset[index] = (uint32_t)notify;
	if (notify + 2 > vp->notify.length)
		panic("virtio: notify register of queue %u is outside its group", index);
	region_write16(c, QUEUE_ENABLE, 1);
	return true;
}

void virtio_pci_driver_ok(struct virtio_pci *vp)
{
	status_add(vp, STATUS_DRIVER_OK);
}

void virtio_pci_kick(const struct virtio_pci *vp, uint16_t index)
{
	region_write16(&vp->notify, vp->notify_offset[index], index);
}

uint8_t virtio_pci_config8(const struct virtio_pci *vp, uint32_t offset)
{
	return region_read8(&vp->device, offset);
}

uint16_t virtio_pci_config16(const struct virtio_pci *vp, uint32_t offset)
{
	return region_read16(&vp->device, offset);
}
