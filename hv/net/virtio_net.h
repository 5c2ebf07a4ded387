/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio network card (virtio 1.2 5.1): the VM's side is dev/virtio_pci.h, the wire's side a
 * port of the switch. Its header is 12 bytes always. A frame with a header or offload request
 * that does not fit it is dropped and counted; a broken ring kills the VM. No control queue.
 *
 * Interrupts off, one CPU.
 */
#ifndef HV_NET_VIRTIO_NET_H
#define HV_NET_VIRTIO_NET_H

#include "dev/virtio_pci.h"
#include "net/lend.h"
#include "net/offload.h"
#include "net/switch.h"
#include "net/threshold.h"

enum { VNET_RX, VNET_TX };

struct virtio_net_config {
	uint8_t mac[6];
	uint16_t status, max_pairs, mtu;
} __packed;
ASSERT_SIZE(struct virtio_net_config, 12);

#define VIRTIO_NET_S_LINK_UP 1

#define VIRTIO_NET_F_CSUM       BIT(0)
#define VIRTIO_NET_F_GUEST_CSUM BIT(1)
#define VIRTIO_NET_F_MTU        BIT(3)
#define VIRTIO_NET_F_MAC        BIT(5)
#define VIRTIO_NET_F_GUEST_TSO4 BIT(7)
#define VIRTIO_NET_F_GUEST_TSO6 BIT(8)
#define VIRTIO_NET_F_GUEST_ECN  BIT(9)
#define VIRTIO_NET_F_HOST_TSO4  BIT(11)
#define VIRTIO_NET_F_HOST_TSO6  BIT(12)
#define VIRTIO_NET_F_HOST_ECN   BIT(13)
#define VIRTIO_NET_F_MRG_RXBUF  BIT(15)
#define VIRTIO_NET_F_STATUS     BIT(16)

struct virtio_net {
	struct virtio_pci pci;
	struct port port;
	struct net_switch *sw;
	struct virtio_net_config config;
	/* What the driver negotiated. */
	struct packet_rights rights;
	struct offload_caps caps;
	bool mergeable;

	struct lender lender;  /* of the transmit ring */
	uint32_t resume;       /* packet.resume of the frame at the head of the transmit ring */
	bool starved;          /* the last frame to the VM found no room; ... */
	uint16_t starved_seen; /* ... the driver's index was this; ... */
	uint64_t starved_tsc;  /* ... and since then none was delivered */
	uint64_t starvations;
	struct threshold threshold; /* of the receive ring */
	struct packet packet;       /* being sent */
	struct vring_list tx, rx;   /* chains in work */
	struct offload_iter cutter;
};

/* Builds the card of a VM and its port. Errors of vpci_add() and switch_add(). */
int virtio_net_add(struct virtio_net *vn, struct net_switch *sw, struct vm *vm, unsigned int slot,
		   unsigned int pin);

/* Link state as the driver sees it; a change is an interrupt. */
void virtio_net_set_link(struct virtio_net *vn, bool up);

#endif
