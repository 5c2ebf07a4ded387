/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virtio/vring.h"

#include <string.h>

#define AVAIL_OFFSET 4096
#define USED_OFFSET  5120

_Static_assert(sizeof(struct vring_desc) == 16, "virtio 1.2 2.7.5");
_Static_assert(sizeof(struct vring_used_elem) == 8, "virtio 1.2 2.7.8");
_Static_assert(VRING_MAX * sizeof(struct vring_desc) <= AVAIL_OFFSET, "descriptors fit");
_Static_assert(AVAIL_OFFSET + 6 + 2 * VRING_MAX <= USED_OFFSET, "available ring fits");
_Static_assert(USED_OFFSET + 6 + 8 * VRING_MAX <= VRING_BYTES, "used ring fits");

/* The driver's wish lies behind the available ring, the device's behind the used ring. */
static uint16_t *used_event(const struct vring *vr)
{
	return &vr->avail->ring[vr->size];
}

static const uint16_t *avail_event(const struct vring *vr)
{
	return (const uint16_t *)&vr->used->ring[vr->size];
}

/* Was `event` passed on the way from `old` to `now`? (virtio 1.2 2.7.7.2; indices wrap at 65536) */
static bool event_passed(uint16_t event, uint16_t now, uint16_t old)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

static uint16_t used_idx_load(const struct vring *vr)
{
	/*
	 * Acquire: the used entries and the buffers behind them must not be read before the index
	 * that covers them, or old contents would be taken for new ones.
	 */
	return __atomic_load_n(&vr->used->idx, __ATOMIC_ACQUIRE);
}

void vring_init(struct vring *vr, void *memory, uint16_t size, bool event_idx)
{
	memset(memory, 0, VRING_BYTES);
	*vr = (struct vring){
		.desc = memory,
		.avail = (void *)((uint8_t *)memory + AVAIL_OFFSET),
		.used = (void *)((uint8_t *)memory + USED_OFFSET),
		.size = size,
		.event_idx = event_idx,
		.free_count = size,
	};
	for (uint16_t i = 0; i < size; i++)
		vr->next[i] = (uint16_t)(i + 1);
	vring_irq_off(vr);
}

bool vring_add(struct vring *vr, const struct vring_buffer *buffers, unsigned int count,
	       bool device_writes, void *token)
{
	uint16_t head = vr->free_head, d = head;

	if (count == 0 || count > UINT8_MAX || count > vr->free_count)
		return false;
	for (unsigned int i = 0; i < count; i++) {
		bool last = i + 1 == count;

		vr->desc[d] = (struct vring_desc){
			.addr = (uint64_t)buffers[i].addr,
			.len = buffers[i].len,
			.flags = (uint16_t)((device_writes ? VRING_DESC_WRITE : 0) |
					    (last ? 0 : VRING_DESC_NEXT)),
			.next = last ? 0 : vr->next[d],
		};
		if (last)
			vr->free_head = vr->next[d];
		else
			d = vr->next[d];
	}
	vr->free_count = (uint16_t)(vr->free_count - count);
	vr->chain[head] = (uint8_t)count;
	vr->token[head] = token;
	vr->avail->ring[vr->avail_idx++ & (vr->size - 1)] = head;
	return true;
}

void vring_publish(struct vring *vr)
{
	/*
	 * Release: the device may look the moment it sees the index, and must then find the ring
	 * entries and descriptors written before it.
	 */
	__atomic_store_n(&vr->avail->idx, vr->avail_idx, __ATOMIC_RELEASE);
}

bool vring_need_kick(struct vring *vr)
{
	uint16_t old = vr->kicked_idx;

	if (old == vr->avail_idx)
		return false;
	vr->kicked_idx = vr->avail_idx;
	/*
	 * Full barrier between our index store and the load of the device's wish. The device does
	 * the mirror image (stores its wish, then loads our index). Were either pair reordered,
	 * both could see the old value: no kick here, sleep there, and the frame stays in the
	 * ring.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (vr->event_idx)
		return event_passed(__atomic_load_n(avail_event(vr), __ATOMIC_RELAXED),
				    vr->avail_idx, old);
	return !(__atomic_load_n(&vr->used->flags, __ATOMIC_RELAXED) & VRING_USED_NO_NOTIFY);
}

bool vring_has_used(const struct vring *vr)
{
	return used_idx_load(vr) != vr->used_idx;
}

static void chain_free(struct vring *vr, uint16_t head)
{
	uint16_t last = head;

	for (unsigned int i = 1; i < vr->chain[head]; i++)
		last = vr->next[last];
	vr->next[last] = vr->free_head;
	vr->free_head = head;
	vr->free_count = (uint16_t)(vr->free_count + vr->chain[head]);
	vr->chain[head] = 0;
}

enum vring_result vring_take(struct vring *vr, void **token, uint32_t *written)
{
	uint16_t pending = (uint16_t)(used_idx_load(vr) - vr->used_idx);
	const volatile struct vring_used_elem *e;
	uint32_t id;

	if (!pending)
		return VRING_EMPTY;
	e = &vr->used->ring[vr->used_idx & (vr->size - 1)];
	id = e->id;
	if (pending > vr->size || id >= vr->size || !vr->chain[id])
		return VRING_BROKEN;
	*written = e->len;
	*token = vr->token[id];
	chain_free(vr, (uint16_t)id);
	vr->used_idx++;
	return VRING_OK;
}

bool vring_irq_after(struct vring *vr, uint16_t count)
{
	if (vr->event_idx)
		__atomic_store_n(used_event(vr), (uint16_t)(vr->used_idx + count - 1),
				 __ATOMIC_RELAXED);
	else
		__atomic_store_n(&vr->avail->flags, 0, __ATOMIC_RELAXED);
	/*
	 * Full barrier between storing our wish and loading the used index. A device that used a
	 * chain before it saw the wish sends no interrupt; then the load below sees that chain.
	 * Without the barrier the load could come first: chain missed, interrupt not sent, and we
	 * would sleep.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return (uint16_t)(used_idx_load(vr) - vr->used_idx) >= count;
}

/*
 * With EVENT_IDX an event just passed is as good as "off": it comes round again after 65536
 * chains, and costs one needless interrupt then.
 */
void vring_irq_off(struct vring *vr)
{
	if (vr->event_idx)
		__atomic_store_n(used_event(vr), (uint16_t)(vr->used_idx - 1), __ATOMIC_RELAXED);
	else
		__atomic_store_n(&vr->avail->flags, VRING_AVAIL_NO_INTERRUPT, __ATOMIC_RELAXED);
}
