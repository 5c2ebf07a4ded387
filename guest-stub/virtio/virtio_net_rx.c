/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Receive. The pool has several times as many buffers as the ring, because the stack may keep
 * some for long (out-of-order TCP segments, an application that does not read). When all are
 * kept, the ring runs empty and the device holds frames back or drops them: the guest is slow,
 * nothing breaks.
 */
#include "virtio/virtio_net_internal.h"
#include "cpu/power.h"

#include "lwip/pbuf.h"

#include <stddef.h>

#define POOL_BUFFERS 2048
#define DATA_BYTES   (2048 - 64)
#define FRAME_MIN    14

/*
 * One receive buffer. `data` is what the device writes; the pbuf in front of it never crosses a
 * page.
 */
struct rx_buffer {
	struct pbuf_custom pbuf; /* first: the free function gets a pointer to it */
	struct rx_buffer *next_free;
	uint8_t data[DATA_BYTES] __attribute__((aligned(64)));
};

_Static_assert(sizeof(struct rx_buffer) == 2048, "two buffers in a page");
_Static_assert(offsetof(struct rx_buffer, pbuf) == 0, "rx_free() casts");

struct vring virtio_net_rx_ring;

static struct rx_buffer pool[POOL_BUFFERS] __attribute__((aligned(4096)));
static struct rx_buffer *free_list;
static virtio_net_receive_fn receive_frame;
static bool mergeable_buffers;

static void buffer_free(struct rx_buffer *b)
{
	b->next_free = free_list;
	free_list = b;
}

/* lwIP calls this when the last reference to the pbuf is gone. */
static void rx_free(struct pbuf *p)
{
	buffer_free((struct rx_buffer *)p);
}

void virtio_net_rx_init(virtio_net_receive_fn receive, bool mergeable)
{
	receive_frame = receive;
	mergeable_buffers = mergeable;
	for (size_t i = 0; i < POOL_BUFFERS; i++) {
		pool[i].pbuf.custom_free_function = rx_free;
		buffer_free(&pool[i]);
	}
}

void virtio_net_rx_refill(void)
{
	struct vring *vr = &virtio_net_rx_ring;

	while (free_list && vr->free_count) {
		struct rx_buffer *b = free_list;

		free_list = b->next_free;
		vring_add(vr, &(struct vring_buffer){ b->data, DATA_BYTES }, 1, true, b);
	}
	vring_publish(vr);
	if (vring_need_kick(vr)) {
		virtio_pci_kick(&virtio_net_pci, VIRTIO_NET_RX);
		virtio_net_counters.rx_kicks++;
	}
	virtio_net_counters.rx_starved += vr->free_count == vr->size;
}

/* The next buffer that the device filled, or NULL. *length is bounded by the buffer. */
static struct rx_buffer *next_used(uint32_t *length)
{
	void *token;

	switch (vring_take(&virtio_net_rx_ring, &token, length)) {
	case VRING_OK:
		break;
	case VRING_EMPTY:
		return NULL;
	default:
		panic("virtio-net: the device broke the receive ring");
	}
	if (*length > DATA_BYTES)
		panic("virtio-net: %u bytes written into a receive buffer of %u", *length,
		      (unsigned int)DATA_BYTES);
	return token;
}

static struct pbuf *buffer_to_pbuf(struct rx_buffer *b, uint32_t skip, uint32_t length)
{
	return pbuf_alloced_custom(PBUF_RAW, (u16_t)(length - skip), PBUF_REF, &b->pbuf,
				   b->data + skip, (u16_t)(DATA_BYTES - skip));
}

/*
 * Append the further buffers of a frame (MRG_RXBUF). The device uses them together, but the index
 * of a batch may be seen between them only if it breaks the spec (virtio 1.2 5.1.6.4), so a
 * missing one is fatal.
 */
static void append_buffers(struct pbuf *frame, unsigned int count)
{
	while (count--) {
		uint32_t length;
		struct rx_buffer *b = next_used(&length);

		if (!b)
			panic("virtio-net: a frame's further buffers are missing");
		pbuf_cat(frame, buffer_to_pbuf(b, 0, length));
	}
}

static void receive_one(struct rx_buffer *b, uint32_t length)
{
	struct virtio_net_hdr hdr;
	struct pbuf *frame;

	if (length < sizeof(hdr) + FRAME_MIN) {
		virtio_net_counters.rx_bad++;
		buffer_free(b);
		return;
	}
	hdr = *(const struct virtio_net_hdr *)b->data;
	frame = buffer_to_pbuf(b, sizeof(hdr), length);
	if (mergeable_buffers && hdr.num_buffers > 1)
		append_buffers(frame, hdr.num_buffers - 1u);
	virtio_net_counters.rx_frames++;
	virtio_net_counters.rx_bytes += frame->tot_len;
	if (hdr.flags)
		virtio_net_counters.rx_csum_skipped++;
	receive_frame(frame, hdr.flags & (VIRTIO_NET_HDR_NEEDS_CSUM | VIRTIO_NET_HDR_DATA_VALID));
}

unsigned int virtio_net_poll(unsigned int budget)
{
	unsigned int done = 0;
	struct rx_buffer *b;
	uint32_t length;

	virtio_net_tx_release();
	while (done < budget && (b = next_used(&length))) {
		receive_one(b, length);
		done++;
	}
	return done;
}

bool virtio_net_rx_arm(void)
{
	return !vring_irq_after(&virtio_net_rx_ring, 1);
}
