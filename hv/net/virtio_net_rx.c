/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames to the VM: into one buffer, or several merged ones. */
#include "net/virtio_net_internal.h"

#include "cpu/timer.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "net/barrier.h"

#define STALL_S 1 /* frames do not wait longer for a VM that gives no buffers */

/* What is left of a piece of memory, and the pieces behind it. */
struct writer {
	uint8_t *to;
	uint32_t left;
	const struct packet_seg *next;
};

static void write_out(struct writer *w, const uint8_t *from, uint32_t len)
{
	while (len > w->left) {
		memcpy(w->to, from, w->left);
		from += w->left;
		len -= w->left;
		w->to = w->next->data;
		w->left = w->next->len;
		w->next++;
	}
	memcpy(w->to, from, len);
	w->to += len;
	w->left -= len;
}

/* Chains that wait, as of now. */
static uint16_t look(struct virtio_net *vn, struct vring *vr)
{
	uint16_t waiting = vring_waiting(vr);

	threshold_posted(&vn->threshold, vr->avail_seen);
	return waiting;
}

/*
 * Collects chains for len bytes in vn->rx: how many, all of them put on the used ring. *waiting:
 * those that wait, as far as was looked. -EAGAIN: the driver has too few posted; -ENOSPC: not even
 * a full ring, or its one buffer without merging, could hold it; -EPROTO: VM killed.
 */
static int collect(struct virtio_net *vn, struct vring *vr, uint32_t len, uint16_t *waiting)
{
	struct vring_list *list = &vn->rx;
	uint16_t chains = 0, head;
	uint64_t bytes = 0;
	int err;

	list->segs = 0;
	list->bytes = 0;
	while (bytes < len) {
		if (chains == *waiting)
			*waiting = look(vn, vr);
		if (chains >= *waiting)
			return chains == vr->size ? -ENOSPC : -EAGAIN;
		err = vring_peek(vr, chains, true, list, &head);
		/* Or was that the rest of a needlessly long chain? */
		if (err && (err != -ENOSPC || list->bytes < len))
			return err;
		vring_put(vr, chains++, head, MIN(list->bytes, len) - bytes);
		bytes = list->bytes;
		if (bytes < len && !vn->mergeable)
			return -ENOSPC;
	}
	return chains;
}

/* All of the frame is in its head, and fits the first buffer. */
static inline bool copy_short(const struct packet_seg *to, const struct offload_frame *frame)
{
	if (frame->body_len || to->len < sizeof(frame->hdr) + frame->head_len)
		return false;
	__builtin_memcpy(to->data, &frame->hdr, sizeof(frame->hdr));
	memcpy(to->data + sizeof(frame->hdr), frame->head, frame->head_len);
	return true;
}

static __noinline void copy_long(struct virtio_net *vn, struct offload_frame *frame)
{
	struct writer w = { vn->rx.seg->data, vn->rx.seg->len, vn->rx.seg + 1 };
	struct packet_cursor body = frame->body;
	uint32_t left = frame->body_len, n;
	const uint8_t *piece;

	write_out(&w, (const uint8_t *)&frame->hdr, sizeof(frame->hdr));
	write_out(&w, frame->head, frame->head_len);
	while (left && (n = packet_cursor_next(&body, left, &piece))) {
		write_out(&w, piece, n);
		left -= n;
	}
}

static int put_frame(struct virtio_net *vn, struct offload_frame *frame, unsigned int sender,
		     uint16_t *waiting)
{
	struct vring *vr = &vn->pci.queue[VNET_RX].ring;
	uint32_t len = frame->head_len + frame->body_len;
	int chains = collect(vn, vr, sizeof(frame->hdr) + len, waiting);

	if (chains < 0)
		return chains;
	frame->hdr.num_buffers = chains;
	if (!copy_short(vn->rx.seg, frame))
		copy_long(vn, frame);
	vring_take_chains(vr, chains);
	*waiting -= chains;
	threshold_took(&vn->threshold, sender, chains);
	vn->port.rx.bytes += len;
	return 0;
}

/* Remembers since when; asks for a kick when buffers come. */
static __noinline int starve(struct virtio_net *vn)
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
static bool may_have_more(const struct virtio_net *vn, unsigned int sender, uint16_t free)
{
	return !free || &vn->port == vn->sw->uplink ||
	       threshold_allows(&vn->threshold, sender, free);
}

/* One frame of the packet; errors of deliver(). */
static inline int deliver_frame(struct virtio_net *vn, struct packet *pkt,
				struct offload_frame *frame, uint16_t *waiting)
{
	int err = put_frame(vn, frame, pkt->sender, waiting);

	if (err == -EAGAIN)
		return stalled(vn) ? -ENOSPC : starve(vn);
	if (err)
		return err;
	vn->starved = false;
	vn->port.rx.packets++;
	vn->port.rx.wire_frames += frame->hdr.gso_type ? packet_wire_frames(pkt) : 1;
	return 0;
}

static __noinline int deliver_cut(struct virtio_net *vn, struct packet *pkt, uint16_t waiting)
{
	struct offload_frame frame;
	int err = 0;

	offload_begin(&vn->cutter, pkt, &vn->caps);
	while (!err && offload_next(&vn->cutter, &frame)) {
		err = deliver_frame(vn, pkt, &frame, &waiting);
		if (!err)
			pkt->resume = frame.payload_done;
	}
	return err;
}

int virtio_net_deliver(struct port *port, struct packet *pkt)
{
	struct virtio_net *vn = container_of(port, struct virtio_net, port);
	struct vring *vr = &vn->pci.queue[VNET_RX].ring;
	struct offload_frame frame;
	uint16_t waiting;

	if (!virtio_pci_started(&vn->pci) || !vr->size)
		return -ENODEV;
	waiting = look(vn, vr);
	if (!may_have_more(vn, pkt->sender, waiting))
		return -ENOSPC;
	if (offload_cuts(pkt, &vn->caps))
		return deliver_cut(vn, pkt, waiting);
	offload_whole(&vn->cutter, pkt, &vn->caps, &frame);
	return deliver_frame(vn, pkt, &frame, &waiting);
}
