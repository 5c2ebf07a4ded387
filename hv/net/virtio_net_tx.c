/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames from the VM. */
#include "net/virtio_net_internal.h"

#include "lib/errno.h"
#include "net/poll.h"

static struct vring *tx_ring(struct virtio_net *vn)
{
	return &vn->pci.queue[VNET_TX].ring;
}

/* Makes vn->packet of the chain in vn->tx. A reason to drop it, or DROP_REASONS. */
static inline enum port_drop parse(struct virtio_net *vn)
{
	struct vring_list *list = &vn->tx;
	struct packet *pkt = &vn->packet;
	uint64_t len = list->bytes - sizeof(pkt->request);

	if (list->bytes < sizeof(pkt->request) + ETH_HLEN || len > PACKET_LEN_MAX)
		return DROP_LENGTH;
	packet_from_segs(pkt, list->seg, list->segs, sizeof(pkt->request), len);
	switch (packet_check(pkt, &pkt->request, &vn->rights)) {
	case 0:
		return packet_resume(pkt, vn->resume) ? DROP_BAD_REQUEST : DROP_REASONS;
	case -E2BIG:
		return DROP_LENGTH;
	default:
		return DROP_BAD_REQUEST;
	}
}

/* The frame stays in the ring until it is done with. */
int virtio_net_take(struct port *port)
{
	struct virtio_net *vn = container_of(port, struct virtio_net, port);
	struct vring *vr = tx_ring(vn);
	enum port_drop why;
	bool lent = false;
	uint16_t head;

	if (!virtio_pci_started(&vn->pci) || !vring_has_work(vr))
		return 0;
	vn->tx.segs = 0;
	vn->tx.bytes = 0;
	if (vring_peek(vr, 0, false, &vn->tx, &head))
		return 0;
	why = parse(vn);
	if (why == DROP_REASONS) {
		unsigned int left = packet_frames_left(&vn->packet);

		vn->packet.lender = &vn->lender;
		vn->packet.chain = head;
		if (switch_input(vn->sw, port, &vn->packet) == -EAGAIN) {
			vn->resume = vn->packet.resume;
			port->moved += left - packet_frames_left(&vn->packet);
			return -EAGAIN;
		}
		port->moved += left;
		lent = vn->packet.lent;
	} else {
		port_drop(port, why);
		port->moved++;
	}
	vn->resume = 0;
	if (lent)
		vring_lend(vr);
	else
		vring_take(vr, head, 0);
	return MAX(1, MIN(vn->tx.bytes, PACKET_LEN_MAX));
}

void virtio_net_chain_back(struct lender *lender, uint16_t chain)
{
	struct virtio_net *vn = container_of(lender, struct virtio_net, lender);

	if (!virtio_pci_started(&vn->pci))
		return;
	vring_give_back(tx_ring(vn), chain, 0);
	vn->port.dirty = true;
	poll_activate(&vn->port);
}

bool virtio_net_sleep(struct port *port)
{
	struct virtio_net *vn = container_of(port, struct virtio_net, port);
	struct vring *vr = tx_ring(vn);

	if (!virtio_pci_started(&vn->pci))
		return true;
	if (vring_waiting(vr) || vring_kicks_on(vr))
		return false;
	if (vring_wants_irq(vr))
		virtio_pci_queue_irq(&vn->pci, BIT(VNET_TX));
	return true;
}
