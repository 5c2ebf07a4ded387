/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transmit. A frame of one pbuf is one descriptor if its pbuf has room for the virtio header in
 * front, which frames built by lwIP have (PBUF_LINK_ENCAPSULATION_HLEN); data sent by reference
 * add one more.
 *
 * Transmit interrupts are asked for only when somebody waits for room. Otherwise sent frames are
 * released at the next round of the main loop, whatever woke it.
 */
#include "virtio/virtio_net_internal.h"
#include "cpu/power.h"

#include <string.h>

#define QUEUE_FRAMES 4096 /* a power of two */
#define MAX_PIECES   16   /* descriptors of one frame */

/*
 * Generators stop when this many frames wait: beyond one connection's window (TCP_SND_BUF /
 * TCP_MSS).
 */
#define GENERATOR_QUEUE 256

struct waiting {
	struct pbuf *frame;
	struct virtio_net_csum csum;
};

struct vring virtio_net_tx_ring;

static struct waiting queue[QUEUE_FRAMES];
static unsigned int queue_head, queue_tail; /* free-running; equal = empty */

/* Headers for frames without room in front, by the descriptor that is free next. */
static struct virtio_net_hdr spare_headers[VRING_MAX];

static struct virtio_net_hdr header_for(struct virtio_net_csum csum)
{
	struct virtio_net_hdr hdr = { 0 };

	if (csum.needed) {
		hdr.flags = VIRTIO_NET_HDR_NEEDS_CSUM;
		hdr.csum_start = csum.start;
		hdr.csum_offset = csum.offset;
	}
	return hdr;
}

/* Does the pbuf's own memory reach at least `bytes` below its payload? Only PBUF_RAM ones tell. */
static bool has_headroom(const struct pbuf *p, size_t bytes)
{
	const uint8_t *start = (const uint8_t *)p + LWIP_MEM_ALIGN_SIZE(sizeof(struct pbuf));

	return (p->type_internal & PBUF_TYPE_FLAG_STRUCT_DATA_CONTIGUOUS) &&
	       (const uint8_t *)p->payload >= start + bytes;
}

/* The buffers of one frame. Returns their number, 0 = more than MAX_PIECES. */
static unsigned int pieces_of(struct pbuf *frame, struct virtio_net_hdr hdr,
			      struct vring_buffer pieces[MAX_PIECES])
{
	struct virtio_net_hdr *in_front = (void *)((uint8_t *)frame->payload - sizeof(hdr));
	struct virtio_net_hdr *spare = &spare_headers[virtio_net_tx_ring.free_head];
	unsigned int n = 0;

	if (has_headroom(frame, sizeof(hdr))) {
		memcpy(in_front, &hdr, sizeof(hdr));
		pieces[n++] = (struct vring_buffer){ in_front, sizeof(hdr) + frame->len };
		frame = frame->next;
	} else {
		*spare = hdr;
		pieces[n++] = (struct vring_buffer){ spare, sizeof(hdr) };
	}
	for (; frame; frame = frame->next) {
		if (n == MAX_PIECES)
			return 0;
		if (frame->len)
			pieces[n++] = (struct vring_buffer){ frame->payload, frame->len };
	}
	return n;
}

/* Put a frame into the ring; the reference passes to the ring. False: no room. */
static bool ring_add(struct pbuf *frame, struct virtio_net_csum csum)
{
	struct vring_buffer pieces[MAX_PIECES];
	unsigned int n;

	if (!virtio_net_tx_ring.free_count)
		return false;
	n = pieces_of(frame, header_for(csum), pieces);
	if (!vring_add(&virtio_net_tx_ring, pieces, n, false, frame))
		return false;
	virtio_net_counters.tx_frames++;
	virtio_net_counters.tx_bytes += frame->tot_len;
	virtio_net_counters.tx_descriptors += n;
	virtio_net_counters.tx_csum_offloaded += csum.needed;
	return true;
}

void virtio_net_tx_release(void)
{
	void *frame;
	uint32_t unused;
	enum vring_result r;

	while ((r = vring_take(&virtio_net_tx_ring, &frame, &unused)) == VRING_OK)
		pbuf_free(frame);
	if (r == VRING_BROKEN)
		panic("virtio-net: the device broke the transmit ring");
}

static void queue_to_ring(void)
{
	while (queue_head != queue_tail) {
		struct waiting *w = &queue[queue_head % QUEUE_FRAMES];

		if (!ring_add(w->frame, w->csum))
			return;
		queue_head++;
	}
}

/*
 * A chain of very many pieces is copied into one pbuf. Own reference to what is returned; NULL:
 * no memory.
 */
static struct pbuf *frame_hold(struct pbuf *frame)
{
	if (pbuf_clen(frame) < MAX_PIECES) {
		pbuf_ref(frame);
		return frame;
	}
	return pbuf_clone(PBUF_RAW_TX, PBUF_RAM, frame);
}

err_t virtio_net_send(struct pbuf *frame, struct virtio_net_csum csum)
{
	bool wait = queue_head != queue_tail; /* never overtake */

	if (queue_tail - queue_head == QUEUE_FRAMES) {
		virtio_net_counters.tx_refused++;
		return ERR_MEM;
	}
	frame = frame_hold(frame);
	if (!frame)
		return ERR_MEM;
	if (wait || !ring_add(frame, csum)) {
		queue[queue_tail++ % QUEUE_FRAMES] = (struct waiting){ frame, csum };
		virtio_net_counters.tx_queued++;
	}
	return ERR_OK;
}

/*
 * A generator may also queue behind TCP, up to a point: were it let in only when nothing waits,
 * one busy TCP connection would lock it out.
 */
unsigned int virtio_net_room(void)
{
	unsigned int queued = queue_tail - queue_head;

	if (queued)
		return queued < GENERATOR_QUEUE ? GENERATOR_QUEUE - queued : 0;
	/* Two descriptors a frame, the most a generator's frame takes. */
	return virtio_net_tx_ring.free_count / 2u;
}

void virtio_net_tx_flush(void)
{
	virtio_net_tx_release();
	queue_to_ring();
	vring_publish(&virtio_net_tx_ring);
	if (vring_need_kick(&virtio_net_tx_ring)) {
		virtio_pci_kick(&virtio_net_pci, VIRTIO_NET_TX);
		virtio_net_counters.tx_kicks++;
	}
}

/*
 * Frames that wait get an interrupt when half of those in the ring are sent: late enough for a
 * batch, early enough that the device does not run dry.
 */
bool virtio_net_tx_arm(bool waiting_for_room)
{
	struct vring *vr = &virtio_net_tx_ring;
	uint16_t in_ring = (uint16_t)(vr->avail_idx - vr->used_idx);

	if ((queue_head == queue_tail && !waiting_for_room) || !in_ring) {
		vring_irq_off(vr);
		return true;
	}
	return !vring_irq_after(vr, (uint16_t)((in_ring + 1) / 2));
}

void virtio_net_break_ring(void)
{
	virtio_net_tx_ring.avail_idx += VRING_MAX + 1;
	vring_publish(&virtio_net_tx_ring);
	virtio_pci_kick(&virtio_net_pci, VIRTIO_NET_TX);
}
