/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the three files of the virtio-net driver share. Nobody else includes this. */
#pragma once

#include "virtio/virtio_net.h"
#include "virtio/virtio_pci.h"
#include "virtio/vring.h"

enum { VIRTIO_NET_RX = 0, VIRTIO_NET_TX = 1 };

/* In front of each frame, virtio 1.2 5.1.6: 12 bytes whenever VERSION_1 is negotiated. */
struct virtio_net_hdr {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};

_Static_assert(sizeof(struct virtio_net_hdr) == 12, "virtio 1.2 5.1.6.1");

#define VIRTIO_NET_HDR_NEEDS_CSUM 1
#define VIRTIO_NET_HDR_DATA_VALID 2

extern struct virtio_pci virtio_net_pci;
extern struct vring virtio_net_rx_ring, virtio_net_tx_ring;
extern struct virtio_net_stats virtio_net_counters;

/* virtio_net_rx.c */
void virtio_net_rx_init(virtio_net_receive_fn receive, bool mergeable);
void virtio_net_rx_refill(void);
bool virtio_net_rx_arm(void); /* true: may sleep */

/* virtio_net_tx.c */
void virtio_net_tx_release(void);
void virtio_net_tx_flush(void);
bool virtio_net_tx_arm(bool waiting_for_room); /* true: may sleep */
