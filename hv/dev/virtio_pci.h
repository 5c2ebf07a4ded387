/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI transport of a modern virtio device (virtio 1.2 4.1): all register groups in one 256-byte
 * I/O BAR, so that an access is an exit that needs no instruction decoding; MSI-X with two
 * vectors, its table in a memory BAR of one page; INTA when the driver leaves MSI-X off. What a
 * driver does wrong here is ignored as real hardware would, but for queues: a queue enabled in a
 * way that cannot work kills the VM (net/vring.h).
 *
 *   BAR0  00 common configuration  40 ISR  60 notification, 4 bytes a queue  80 device
 *   BAR1  000 MSI-X table  800 pending bits
 *
 * queue_reset is not offered. Interrupts off, on the CPU of the VM.
 */
#ifndef HV_DEV_VIRTIO_PCI_H
#define HV_DEV_VIRTIO_PCI_H

#include "dev/vpci.h"
#include "net/vring.h"

#define VIRTIO_PCI_QUEUES  2
#define VIRTIO_PCI_VECTORS 2
#define VIRTIO_NO_VECTOR   0xffff

#define VIRTIO_F_INDIRECT_DESC BIT(28)
#define VIRTIO_F_EVENT_IDX     BIT(29)
#define VIRTIO_F_VERSION_1     BIT(32)

#define VIRTIO_STATUS_ACKNOWLEDGE BIT(0)
#define VIRTIO_STATUS_DRIVER      BIT(1)
#define VIRTIO_STATUS_DRIVER_OK   BIT(2)
#define VIRTIO_STATUS_FEATURES_OK BIT(3)
#define VIRTIO_STATUS_FAILED      BIT(7)

/* What configuration space says of the device. */
struct virtio_pci_id {
	uint16_t device; /* 0x1040 + virtio device id */
	uint16_t subsystem;
	uint32_t class;      /* class << 8 | subclass, as in dword 8 >> 16 */
	uint16_t queue_size; /* largest size of each queue, a power of two */
	const char *queue_name[VIRTIO_PCI_QUEUES];
};

struct virtio_pci;

struct virtio_pci_ops {
	/*
	 * Are these features a set that the device can work with? They are among the offered ones.
	 */
	bool (*features_ok)(struct virtio_pci *vp, uint64_t features);
	/* DRIVER_OK: features are final, the enabled queues may be used. */
	void (*start)(struct virtio_pci *vp);
	/* The driver wrote status 0; queues and features are gone when this is called. */
	void (*reset)(struct virtio_pci *vp);
	/*
	 * Whether the device still uses memory from before that: until it does not the driver reads
	 * another status than the 0 that it waits for.
	 */
	bool (*resetting)(struct virtio_pci *vp);
	/* The driver kicked a queue of a started device. */
	void (*kick)(struct virtio_pci *vp, unsigned int queue);
};

struct virtio_msix_entry {
	uint32_t addr_lo, addr_hi, data, control; /* control bit 0: masked */
};

struct virtio_pci_queue {
	uint16_t size, vector;
	bool enabled;
	uint64_t desc, avail, used; /* gpa */
	struct vring ring;          /* usable when the device is started and size != 0 */
};

struct virtio_pci {
	struct vpci_dev dev;
	const struct virtio_pci_id *id;
	const struct virtio_pci_ops *ops;
	uint64_t offered;        /* features */
	const void *config;      /* device configuration, read-only for the driver */
	unsigned int config_len; /* up to 0x20 */

	uint8_t space[256]; /* configuration space */
	uint32_t bar[2];
	uint64_t features; /* taken by the driver */
	uint32_t offered_select, features_select;
	uint16_t config_vector, queue_select;
	uint8_t status, isr, generation;
	struct virtio_pci_queue queue[VIRTIO_PCI_QUEUES];
	struct virtio_msix_entry msix[VIRTIO_PCI_VECTORS];
	uint32_t msix_pending;
	uint64_t kicks[VIRTIO_PCI_QUEUES], irqs;
};

/*
 * Puts the device on the VM's bus. The caller has set id, ops, offered (VERSION_1 in it), config,
 * dev.slot and dev.intx_pin, and zeroed the rest. Errors of vpci_add().
 */
int virtio_pci_add(struct virtio_pci *vp, struct vm *vm);

/* As after power-up: its VM starts anew. The VM's interrupt controllers were reset before. */
void virtio_pci_power_up(struct virtio_pci *vp);

/* The driver set it up and the VM still lives. */
bool virtio_pci_started(const struct virtio_pci *vp);

/*
 * Interrupts for queues, one bit each; two queues with the same vector cost one interrupt. And for
 * a change of the device configuration, which the caller has made.
 */
void virtio_pci_queue_irq(struct virtio_pci *vp, unsigned int queues);
void virtio_pci_config_changed(struct virtio_pci *vp);

/* virtio_pci_regs.c: accesses to BAR0. */
void virtio_pci_io(struct virtio_pci *vp, uint32_t off, unsigned int size, bool write,
		   uint32_t *val);
void virtio_pci_update_intx(struct virtio_pci *vp);
void virtio_pci_reset(struct virtio_pci *vp); /* status 0 was written */

/* virtio_pci_cfg.c: configuration space. */
void virtio_pci_cfg_init(struct virtio_pci *vp);
uint32_t virtio_pci_cfg_read(struct vpci_dev *dev, unsigned int off, unsigned int size);
void virtio_pci_cfg_write(struct vpci_dev *dev, unsigned int off, unsigned int size, uint32_t val);

/* virtio_msix.c */
bool virtio_msix_enabled(const struct virtio_pci *vp);
void virtio_msix_fire(struct virtio_pci *vp, uint16_t vector);
void virtio_msix_retry(struct virtio_pci *vp); /* a mask was lifted */
void virtio_msix_reset(struct virtio_pci *vp);
void virtio_msix_mmio(struct virtio_pci *vp, uint32_t off, unsigned int size, bool write,
		      uint32_t *val);

/* Layout of BAR0 and of configuration space. */
#define VP_COMMON       0x00
#define VP_COMMON_LEN   0x40
#define VP_ISR          0x40
#define VP_NOTIFY       0x60
#define VP_NOTIFY_LEN   0x10
#define VP_NOTIFY_STEP  4
#define VP_DEVICE       0x80
#define VP_DEVICE_LEN   0x20
#define VP_IO_SIZE      0x100
#define VP_PBA          0x800
#define PCI_COMMAND     0x04
#define PCI_CMD_IO      BIT(0)
#define PCI_CMD_MEM     BIT(1)
#define PCI_CMD_NO_INTX BIT(10)
#define VP_CAP_PCI_CFG  0x84
#define VP_CAP_MSIX     0x98
#define MSIX_ENABLE     BIT(15)
#define MSIX_MASK_ALL   BIT(14)

static inline uint16_t virtio_pci_cfg16(const struct virtio_pci *vp, unsigned int off)
{
	return vp->space[off] | vp->space[off + 1] << 8;
}

#endif
