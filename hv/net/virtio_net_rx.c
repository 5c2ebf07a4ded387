/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames to the VM: into one buffer, or several merged ones. */
#include "net/virtio_net_internal.h"

#include "cpu/timer.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "net/barrier.h"

#define STALL_S 1 /* frames do not wait longer for a VM that gives no buffers */

struct writer {
	const struct packet_seg *seg;
	uint32_t off;
};

static void write_out(struct writer *w, const void *data, uint32_t len)
{
	const uint8_t *from = data;

	while (len) {
		uint32_t n = MIN(len, w->seg->len - w->off);

		memcpy(w->seg->data + w->off, from, n);
		from += n;
		len -= n;
		w->off += n;
		if (w->off == w->seg->len) {
			w->seg++;
			w->off = 0;
		}
	}
}

/* Number and size of the chains that hold a frame. */
struct room {
	unsigned int chains;
	uint16_t head[VRING_SIZE_MAX];
	uint32_t bytes[VRING_SIZE_MAX];
};

/*
 * Collects chains for len bytes in vn->rx. 0; -EAGAIN: the driver has too few posted; -ENOSPC:
 * not even a full ring, or its one buffer without merging, could hold it; -EPROTO: VM killed.
 */
static int collect(struct virtio_net *vn, struct vring *vr, uint32_t len, struct room *room)
{
	uint16_t waiting = vring_waiting(vr);
	struct vring_list *list = &vn->rx;
	int err;

	list->segs = 0;
	list->bytes = 0;
	for (room->chains = 0; room->chains < waiting && list->bytes < len; room->chains++) {
		uint64_t before = list->bytes;

		err = vring_peek(vr, room->chains, true, list, &room->head[room->chains]);
		if (err == -ENOSPC && list->bytes >= len)
			err = 0; /* the rest of a needlessly long chain */
		if (err)
			return err;
		room->bytes[room->chains] = list->bytes - before;
		if (list->bytes < len && !vn->mergeable)
			return -ENOSPC;
	}
	if (list->bytes >= len)
		return 0;
	return waiting == vr->size ? -ENOSPC : -EAGAIN;
}

static void copy_frame(struct virtio_net *vn, struct offload_frame *frame)
{
	struct writer w = { .seg = vn->rx.seg };
	uint32_t left = frame->body_len, n;
	const uint8_t *piece;

	write_out(&w, &frame->hdr, sizeof(frame->hdr));
	write_out(&w, frame->head, frame->head_len);
	while (left && (n = packet_cursor_next(&frame->body, left, &piece))) {
		write_out(&w, piece, n);
		left -= n;
	}
}

static void take_chains(struct vring *vr, const struct room *room, uint32_t len)
{
	for (unsigned int i = 0; i < room->chains; i++) {
		uint32_t n = MIN(len, room->bytes[i]);

		vring_take(vr, room->head[i], n);
		len -= n;
	}
}

static int put_frame(struct virtio_net *vn, struct offload_frame *frame, unsigned int sender)
{
	struct vring *vr = &vn->pci.queue[VNET_RX].ring;
	uint32_t len = sizeof(frame->hdr) + frame->head_len + frame->body_len;
	struct room room;
	int err = collect(vn, vr, len, &room);

	if (err)
		return err;
	frame->hdr.num_buffers = room.chains;
	copy_frame(vn, frame);
	take_chains(vr, &room, len);
	threshold_posted(&vn->threshold, vr->avail_seen); /* collect() may have seen more */
	threshold_took(&vn->threshold, sender, room.chains);
	vn->port.rx.bytes += frame->head_len + frame->body_len;
	return 0;
}

/* Remembers since when; asks for a kick when buffers come. */
static int starve(struct virtio_net *vn)
{
	struct vring *vr = &vn->pci.queue[VNET_RX].ring;

	if (!vn->starved) {
		vn->starved = true;
		vn->starved_tsc = tsc_now();
		vn->starvations++;
	}
	vn->starved_seen = vr->avail_seen;
	if (vring_kicks_on(vr))
		vn->starved_seen--; /* some came in this moment: has_room() says so */
	return -EAGAIN;
}

static bool stalled(const struct virtio_net *vn)
{
	return vn->starved && tsc_now() - vn->starved_tsc > STALL_S * 1000 * tsc_khz;
}

bool virtio_net_has_room(struct port *port)
{
	struct virtio_net *vn = container_of(port, struct virtio_net, port);
	struct vring *vr = &vn->pci.queue[VNET_RX].ring;

	return !virtio_pci_started(&vn->pci) || !vn->starved || stalled(vn) ||
	       (vr->size && load16(&vr->avail[1]) != vn->starved_seen);
}

/* The uplink's port drops nothing: whoever finds no room there comes again, in turn. */
static bool may_have_more(struct virtio_net *vn, unsigned int sender)
{
	struct vring *vr = &vn->pci.queue[VNET_RX].ring;
	uint16_t free = vring_waiting(vr);

	threshold_posted(&vn->threshold, vr->avail_seen);
	return !free || &vn->port == vn->sw->uplink ||
	       threshold_allows(&vn->threshold, sender, free);
}

int virtio_net_deliver(struct port *port, struct packet *pkt)
{
	struct virtio_net *vn = container_of(port, struct virtio_net, port);
	struct offload_frame frame;
	int err;

	if (!virtio_pci_started(&vn->pci) || !vn->pci.queue[VNET_RX].ring.size)
		return -ENODEV;
	if (!may_have_more(vn, pkt->sender))
		return -ENOSPC;
	offload_begin(&vn->cutter, pkt, &vn->caps);
	while (offload_next(&vn->cutter, &frame)) {
		err = put_frame(vn, &frame, pkt->sender);
		if (err == -EAGAIN)
			return stalled(vn) ? -ENOSPC : starve(vn);
		if (err)
			return err;
		vn->starved = false;
		pkt->resume = frame.payload_done;
		vn->port.rx.packets++;
		vn->port.rx.wire_frames += frame.hdr.gso_type ? packet_wire_frames(pkt) : 1;
	}
	return 0;
}
