/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's side of one split virtqueue (virtio 1.2 chapter 2.7): descriptors, the two rings,
 * and when to notify or be notified. Pure bookkeeping in memory: no registers, so the unit tests
 * play the device.
 *
 * Contract. One caller at a time. Chains added become visible to the device with vring_publish(),
 * so that a batch costs one index write and at most one kick. Interrupts are off unless
 * vring_irq_after() asked for one. The device is trusted no further than this: an index or a
 * length it returns is checked, and a wrong one is reported to the caller as VRING_BROKEN.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define VRING_MAX   256
#define VRING_BYTES 8192 /* desc 4096, avail 518 and used 2054 bytes at VRING_MAX entries */

struct vring_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct vring_avail {
	uint16_t flags, idx, ring[];
};

struct vring_used_elem {
	uint32_t id, len;
};

struct vring_used {
	uint16_t flags, idx;
	struct vring_used_elem ring[];
};

#define VRING_DESC_NEXT          1
#define VRING_DESC_WRITE         2 /* the device writes this buffer */
#define VRING_AVAIL_NO_INTERRUPT 1
#define VRING_USED_NO_NOTIFY     1

struct vring_buffer {
	const void *addr; /* guest-physical equals virtual in this program */
	uint32_t len;
};

struct vring {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t size;       /* a power of two */
	bool event_idx;      /* VIRTIO_F_EVENT_IDX was negotiated */
	uint16_t avail_idx;  /* next free slot of the available ring, not yet published */
	uint16_t kicked_idx; /* avail_idx at the last vring_need_kick() */
	uint16_t used_idx;   /* next used entry to take */
	uint16_t free_count; /* free descriptors */
	uint16_t free_head;
	/* Private copies: the device can write the shared tables. */
	uint16_t next[VRING_MAX];
	uint8_t chain[VRING_MAX]; /* descriptors in the chain that starts here, 0 = not in use */
	void *token[VRING_MAX];
};

enum vring_result { VRING_EMPTY, VRING_OK, VRING_BROKEN };

/*
 * Start with all descriptors free and interrupts off. `memory` has VRING_BYTES and is page
 * aligned; size is a power of two up to VRING_MAX.
 */
void vring_init(struct vring *vr, void *memory, uint16_t size, bool event_idx);

/*
 * Add one chain of `count` (1..255) buffers, all for the device to read or all for it to write.
 * `token` comes back with the chain. The buffers belong to the device until then. Returns false,
 * and adds nothing, when fewer than `count` descriptors are free.
 */
bool vring_add(struct vring *vr, const struct vring_buffer *buffers, unsigned int count,
	       bool device_writes, void *token);

/* Show the device everything added so far. */
void vring_publish(struct vring *vr);

/*
 * After vring_publish(): does the device want to be told? Ask once per batch; the answer is for
 * the batch.
 */
bool vring_need_kick(struct vring *vr);

bool vring_has_used(const struct vring *vr);

/*
 * Take back the next finished chain: its token and the number of bytes the device wrote (not
 * checked against the buffers: the caller knows their sizes).
 */
enum vring_result vring_take(struct vring *vr, void **token, uint32_t *written);

/*
 * Ask for an interrupt when `count` (>= 1) more chains have been used, counted from the last one
 * taken. Returns true if that has happened already: then no interrupt may come, and the caller
 * must not sleep.
 */
bool vring_irq_after(struct vring *vr, uint16_t count);

/* Take back that wish. An interrupt may still come. */
void vring_irq_off(struct vring *vr);
