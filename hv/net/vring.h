/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device side of a split virtqueue (virtio 1.2 2.7). The ring lies in a VM's RAM and its contents
 * are hostile: each index and descriptor is read once into a local copy, bounded, and only then
 * used. A driver that breaks the rules of the ring has its VM killed with the reason; nobody else
 * notices.
 *
 * Work on a ring: vring_peek() looks at chains without taking them, vring_take() takes those that
 * were served and puts them on the used ring, vring_publish() shows that to the driver. A chain
 * whose memory is still in use then is taken by vring_lend(), and put on the used ring later. One
 * CPU works on a ring at a time.
 */
#ifndef HV_NET_VRING_H
#define HV_NET_VRING_H

#include "net/packet.h"

#define VRING_SIZE_MAX 256

struct vm;

/* virtio 1.2 2.7.5, 2.7.8 */
struct vring_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};
ASSERT_SIZE(struct vring_desc, 16);

struct vring_used_elem {
	uint32_t id, len;
};
ASSERT_SIZE(struct vring_used_elem, 8);

#define VRING_DESC_NEXT      1
#define VRING_DESC_WRITE     2
#define VRING_DESC_INDIRECT  4
#define VRING_NO_NOTIFY      1 /* used ring's flags */
#define VRING_NO_INTERRUPT   1 /* available ring's flags */
#define VRING_DESC_ALIGN     16
#define VRING_AVAIL_ALIGN    2
#define VRING_USED_ALIGN     4
#define VRING_AVAIL_BYTES(n) (6 + 2 * (n))
#define VRING_USED_BYTES(n)  (6 + 8 * (n))

struct vring {
	struct vm *vm;
	const char *name; /* for messages */
	uint16_t size;    /* 0: not set up */
	bool event_idx, indirect;
	const uint8_t *desc;   /* in the VM's RAM, as the next five */
	const uint16_t *avail; /* flags, idx, ring[size], used_event */
	uint16_t *used;        /* flags, idx */
	struct vring_used_elem *used_ring;
	uint16_t *avail_event;
	uint16_t last_avail; /* next chain to take, free-running as all indices */
	uint16_t avail_seen; /* the driver's index when last looked at */
	uint16_t used_idx;   /* chains put on the used ring */
	uint16_t published;  /* shown to the driver */
	uint16_t asked;      /* and up to here it was asked whether it wants an interrupt */
	uint64_t chains;
};

/* Chains with their memory, in order. A single chain always fits. */
struct vring_list {
	unsigned int segs;
	uint64_t bytes;
	struct packet_seg seg[VRING_SIZE_MAX];
};

/*
 * Sets a ring up at three gpas. A size that is no power of two or beyond the limit, a misaligned
 * address or one outside the VM's RAM kills the VM: then -EINVAL and the ring stays unusable.
 */
int vring_setup(struct vring *vr, struct vm *vm, const char *name, uint16_t size, gpa_t desc,
		gpa_t avail, gpa_t used);

/* Chains that wait. More than the ring has entries kills the VM: 0. */
uint16_t vring_waiting(struct vring *vr);

/* Whether any do. The driver's index is looked at when all that were seen were taken. */
static inline bool vring_has_work(struct vring *vr)
{
	return vr->last_avail != vr->avail_seen || vring_waiting(vr);
}

/*
 * Appends the chain `ahead` positions behind the next one to *list; ahead < vring_waiting(), or 0
 * when vring_has_work(). device_writes: the chain must be for us to write, else to read; the other
 * kind kills the VM.
 * *head is what vring_take() wants. 0; -ENOSPC: not all of it fits into list (which is then
 * spoiled); -EPROTO: the VM was killed.
 */
int vring_peek(struct vring *vr, uint16_t ahead, bool device_writes, struct vring_list *list,
	       uint16_t *head);

/*
 * Chains are done with, in two steps: where the chain of a head, `ahead` positions behind the next
 * one, goes on the used ring, and how much of it was written; then the first n chains are taken.
 */
static inline void vring_put(struct vring *vr, uint16_t ahead, uint16_t head, uint32_t written)
{
	struct vring_used_elem *e = &vr->used_ring[(vr->used_idx + ahead) & (vr->size - 1)];

	*e = (struct vring_used_elem){ head, written };
}

static inline void vring_take_chains(struct vring *vr, uint16_t n)
{
	vr->used_idx += n;
	vr->last_avail += n;
	vr->chains += n;
}

/* The next chain is done with; `written` bytes of it were written. */
static inline void vring_take(struct vring *vr, uint16_t head, uint32_t written)
{
	vring_put(vr, 0, head, written);
	vring_take_chains(vr, 1);
}

/* The next chain is taken, its memory still in use: vring_give_back() later, in any order. */
static inline void vring_lend(struct vring *vr)
{
	vr->last_avail++;
	vr->chains++;
}

static inline void vring_give_back(struct vring *vr, uint16_t head, uint32_t written)
{
	vring_put(vr, 0, head, written);
	vr->used_idx++;
}

/* Shows the driver all that was put on the used ring. */
void vring_publish(struct vring *vr);

/* Does the driver want an interrupt for what was shown since it was asked last? */
bool vring_wants_irq(struct vring *vr);

/* Chains shown since then. */
static inline uint16_t vring_unasked(const struct vring *vr)
{
	return vr->published - vr->asked;
}

/*
 * Kicks. vring_kicks_off: not before `ahead` more chains than taken so far are there (without
 * EVENT_IDX: not at all). vring_kicks_on: at the next chain beyond those seen; returns true if
 * one came meanwhile, which gives no kick any more.
 */
void vring_kicks_off(struct vring *vr, uint16_t ahead);
bool vring_kicks_on(struct vring *vr);

/* As if a chain never came: for receive rings, which are looked at when a frame arrives. */
#define VRING_FAR_AHEAD 0x7fff

#endif
