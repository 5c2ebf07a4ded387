/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI transport of a modern virtio device (virtio 1.2 chapter 4.1): finds the register groups
 * through the vendor capabilities, wherever they are, and offers them as functions.
 *
 * Contract. A group lies in an I/O BAR (Pollux: every access is one exit that needs no instruction
 * decoding) or a memory BAR (QEMU); `struct virtio_region` hides which. The order of calls is that
 * of virtio 1.2 3.1.1: init, negotiate, queue_enable for each queue, driver_ok. A device that lacks
 * a needed group, or an address that is not assigned, is reported in one line and ends the VM.
 */
#pragma once

#include "virtio/vring.h"

#include <stdbool.h>
#include <stdint.h>

#define VIRTIO_PCI_QUEUES 2

struct virtio_region {
	bool is_io;
	uint16_t port;
	volatile uint8_t *mmio;
	uint32_t length;
};

struct virtio_pci {
	uint32_t pci; /* a pci_addr */
	struct virtio_region common, notify, device;
	uint32_t notify_multiplier;
	uint32_t notify_offset[VIRTIO_PCI_QUEUES]; /* of each enabled queue, within notify */
	uint16_t queue_entry;                      /* MSI-X entry of both queues */
	uint64_t features;                         /* negotiated */
	bool msix;                                 /* else the driver polls */
};

#define VIRTIO_F_EVENT_IDX (1ull << 29)
#define VIRTIO_F_VERSION_1 (1ull << 32)

/*
 * Find the first virtio network function, reset it, turn on MSI-X if it has it (entry 0 ->
 * VECTOR_NET_CONFIG, entry 1 or else 0 -> VECTOR_NET_QUEUE). Returns false if there is no such
 * function.
 */
bool virtio_pci_init(struct virtio_pci *vp);

/* Accept wanted & offered, which must contain VERSION_1. */
void virtio_pci_negotiate(struct virtio_pci *vp, uint64_t wanted);

/*
 * Set up queue `index` in `memory` (VRING_BYTES, page aligned) with at most VRING_MAX
 * entries, and enable it. Returns false if the device has no such queue.
 */
bool virtio_pci_queue_enable(struct virtio_pci *vp, uint16_t index, struct vring *vr, void *memory);

void virtio_pci_driver_ok(struct virtio_pci *vp);

/* Tell the device that queue `index` has new buffers. The caller has asked vring_need_kick(). */
void virtio_pci_kick(const struct virtio_pci *vp, uint16_t index);

/* Device-specific configuration, little endian; the offset must be a multiple of the size. */
uint8_t virtio_pci_config8(const struct virtio_pci *vp, uint32_t offset);
uint16_t virtio_pci_config16(const struct virtio_pci *vp, uint32_t offset);
