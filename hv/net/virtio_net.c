/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network card: set-up, features, kicks, end of a batch. */
#include "net/virtio_net_internal.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "net/poll.h"
#include "vm/vm.h"

#define DEVICE_ID_NET   0x1041
#define SUBSYSTEM_ID    0x1100
#define CLASS_NETWORK   0x0200
#define QUEUE_SIZE      256
#define HOLD_CHAINS(vr) ((vr)->size / 2) /* a driver that adds so many while held back kicks */
#define SENT_HELD_MAX   16               /* frames sent that a driver is not yet interrupted for */

#define FEATURES                                                                                   \
	(VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC | VIRTIO_NET_F_CSUM |    \
	 VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_MTU | VIRTIO_NET_F_MAC | VIRTIO_NET_F_GUEST_TSO4 | \
	 VIRTIO_NET_F_GUEST_TSO6 | VIRTIO_NET_F_GUEST_ECN | VIRTIO_NET_F_HOST_TSO4 |               \
	 VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_HOST_ECN | VIRTIO_NET_F_MRG_RXBUF |                 \
	 VIRTIO_NET_F_STATUS)

/* Linux gives a frame one buffer, in which its headers stay, only to a card with none of these. */
#define LARGE_FRAMES                                                                  \
	(VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6 | VIRTIO_NET_F_GUEST_ECN | \
	 VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_HOST_ECN |    \
	 VIRTIO_NET_F_MRG_RXBUF)

static const struct virtio_pci_id pci_id = {
	.device = DEVICE_ID_NET,
	.subsystem = SUBSYSTEM_ID,
	.class = CLASS_NETWORK,
	.queue_size = QUEUE_SIZE,
	.queue_name = { [VNET_RX] = "receive", [VNET_TX] = "transmit" },
};

static struct virtio_net *from_pci(struct virtio_pci *vp)
{
	return container_of(vp, struct virtio_net, pci);
}

static bool needs(uint64_t features, uint64_t what, uint64_t base)
{
	return !(features & what) || features & base;
}

/* virtio 1.2 5.1.3.1 */
static bool features_ok(struct virtio_pci *vp, uint64_t f)
{
	(void)vp;
	return needs(f, VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_CSUM) &&
	       needs(f, VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_CSUM) &&
	       needs(f, VIRTIO_NET_F_GUEST_ECN,
		     VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6) &&
	       needs(f, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_CSUM) &&
	       needs(f, VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_CSUM) &&
	       needs(f, VIRTIO_NET_F_HOST_ECN, VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6);
}

static void start(struct virtio_pci *vp)
{
	struct virtio_net *vn = from_pci(vp);
	uint64_t f = vp->features;

	vn->rights = (struct packet_rights){
		.csum = f & VIRTIO_NET_F_CSUM,
		.tso4 = f & VIRTIO_NET_F_HOST_TSO4,
		.tso6 = f & VIRTIO_NET_F_HOST_TSO6,
		.ecn = f & VIRTIO_NET_F_HOST_ECN,
	};
	vn->caps = (struct offload_caps){
		.csum = f & VIRTIO_NET_F_GUEST_CSUM,
		.tso4 = f & VIRTIO_NET_F_GUEST_TSO4,
		.tso6 = f & VIRTIO_NET_F_GUEST_TSO6,
		.ecn = f & VIRTIO_NET_F_GUEST_ECN,
		/* The driver VM's bridge gives it to the card as it is. */
		.segment_min = vn->port.apart ? OFFLOAD_CARD_SEGMENT_MIN : 0,
	};
	vn->port.merges = vn->caps.csum && vn->caps.tso4;
	vn->mergeable = f & VIRTIO_NET_F_MRG_RXBUF;
	vring_kicks_off(&vp->queue[VNET_RX].ring, VRING_FAR_AHEAD);
	poll_activate(&vn->port); /* frames may wait from before the first kick */
}

static void reset(struct virtio_pci *vp)
{
	struct virtio_net *vn = from_pci(vp);

	lend_recall(&vn->lender);
	vn->resume = 0;
	vn->port.merges = false;
	vn->starved = false;
	vn->threshold = (struct threshold){ 0 };
}

/* A kick for receive buffers only has to end this exit: the poll loop comes next and sees them. */
static void kick(struct virtio_pci *vp, unsigned int queue)
{
	struct virtio_net *vn = from_pci(vp);
	struct vring *vr = &vp->queue[queue].ring;

	if (queue == VNET_RX) {
		vring_kicks_off(vr, VRING_FAR_AHEAD);
		return;
	}
	vring_kicks_off(vr, HOLD_CHAINS(vr));
	poll_activate(&vn->port);
}

/* virtio 1.2 2.4: no more of the driver's memory is used once the reset is over. */
static bool resetting(struct virtio_pci *vp)
{
	return from_pci(vp)->lender.out;
}

static const struct virtio_pci_ops pci_ops = {
	.features_ok = features_ok,
	.start = start,
	.reset = reset,
	.resetting = resetting,
	.kick = kick,
};

/*
 * That a frame was sent is worth no interrupt of its own: the driver sees it at its next frame, and
 * an answer's interrupt tells it as well. Only a sender that waits for room needs one: so after
 * some frames, and when the port goes to sleep.
 */
static bool may_hold(const struct port *port, const struct vring *tx)
{
	return port->active && vring_unasked(tx) < SENT_HELD_MAX;
}

/* The events move along with the indices, or they would come near again after 32768 chains. */
static void flush(struct port *port)
{
	struct virtio_net *vn = container_of(port, struct virtio_net, port);
	struct vring *rx = &vn->pci.queue[VNET_RX].ring, *tx = &vn->pci.queue[VNET_TX].ring;
	unsigned int irqs = 0;

	if (!virtio_pci_started(&vn->pci))
		return;
	vring_publish(rx);
	vring_publish(tx);
	if (vring_wants_irq(rx))
		irqs |= BIT(VNET_RX);
	if ((irqs || !may_hold(port, tx)) && vring_wants_irq(tx))
		irqs |= BIT(VNET_TX);
	if (!vn->starved)
		vring_kicks_off(rx, VRING_FAR_AHEAD);
	if (port->active)
		vring_kicks_off(tx, HOLD_CHAINS(tx));
	if (irqs)
		virtio_pci_queue_irq(&vn->pci, irqs);
}

static const struct port_ops port_ops = {
	.deliver = virtio_net_deliver,
	.has_room = virtio_net_has_room,
	.flush = flush,
	.take = virtio_net_take,
	.sleep = virtio_net_sleep,
};

int virtio_net_add(struct virtio_net *vn, struct net_switch *sw, struct vm *vm, unsigned int slot,
		   unsigned int pin)
{
	int err;

	vn->sw = sw;
	vn->lender.back = virtio_net_chain_back;
	vn->config.status = VIRTIO_NET_S_LINK_UP;
	vn->config.max_pairs = 1;
	vn->config.mtu = PACKET_MTU;
	memcpy(vn->config.mac, vm->mac, sizeof(vm->mac));
	vn->pci.id = &pci_id;
	vn->pci.ops = &pci_ops;
	vn->pci.offered = vm->plain_frames ? FEATURES & ~LARGE_FRAMES : FEATURES;
	vn->pci.config = &vn->config;
	vn->pci.config_len = sizeof(vn->config);
	vn->pci.dev.slot = slot;
	vn->pci.dev.intx_pin = pin;
	vn->port.ops = &port_ops;
	strlcpy(vn->port.name, vm->name, sizeof(vn->port.name));
	memcpy(vn->port.mac, vm->mac, sizeof(vm->mac));
	vn->port.ip = vm->ip;
	err = virtio_pci_add(&vn->pci, vm);
	return err ? err : switch_add(sw, &vn->port);
}

void virtio_net_set_link(struct virtio_net *vn, bool up)
{
	uint16_t status = up ? VIRTIO_NET_S_LINK_UP : 0;

	if (vn->config.status == status)
		return;
	vn->config.status = status;
	virtio_pci_config_changed(&vn->pci);
}
