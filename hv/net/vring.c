/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device side of a split virtqueue. */
#include "net/vring.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "net/barrier.h"
#include "vm/mem.h"
#include "vm/vm.h"

enum { AVAIL_FLAGS, AVAIL_IDX, AVAIL_RING };
enum { USED_FLAGS, USED_IDX };

/* Of descriptors: the ring's, or an indirect one. */
struct table {
	const uint8_t *desc;
	uint32_t count;
	bool indirect;
};

/* Not in line: the chains that are not would pay for its arguments. */
static int __noinline broken(struct vring *vr, const char *why, uint64_t val)
{
	vm_kill(vr->vm, "%s queue: %s (%lx)", vr->name, why, val);
	return -EPROTO;
}

static const void *ring_part(struct vring *vr, const char *part, gpa_t gpa, uint64_t bytes,
			     uint64_t align)
{
	void *hva = gpa % align ? NULL : vm_ram(vr->vm, gpa, bytes);

	if (!hva)
		vm_kill(vr->vm, "%s queue: its %s is misaligned or not in RAM (%lx)", vr->name,
			part, gpa);
	return hva;
}

int vring_setup(struct vring *vr, struct vm *vm, const char *name, uint16_t size, gpa_t desc,
		gpa_t avail, gpa_t used)
{
	uint8_t *used_hva;

	*vr = (struct vring){ .vm = vm, .name = name };
	if (!size || size > VRING_SIZE_MAX || size & (size - 1)) {
		vm_kill(vm, "%s queue: size %u", name, size);
		return -EINVAL;
	}
	vr->desc = ring_part(vr, "descriptor table", desc, size * sizeof(struct vring_desc),
			     VRING_DESC_ALIGN);
	vr->avail =
		ring_part(vr, "available ring", avail, VRING_AVAIL_BYTES(size), VRING_AVAIL_ALIGN);
	used_hva = (uint8_t *)ring_part(vr, "used ring", used, VRING_USED_BYTES(size),
					VRING_USED_ALIGN);
	if (!vr->desc || !vr->avail || !used_hva)
		return -EINVAL;
	vr->used = (uint16_t *)used_hva;
	vr->used_ring = (struct vring_used_elem *)(used_hva + 4);
	vr->avail_event = (uint16_t *)(used_hva + 4 + 8 * size);
	vr->size = size;
	return 0;
}

uint16_t vring_waiting(struct vring *vr)
{
	uint16_t seen, n;

	if (!vr->size)
		return 0;
	/*
	 * Acquire: the ring entries and descriptors behind the index must not be read before it,
	 * or old contents would be taken for new ones.
	 */
	seen = load16_acquire(&vr->avail[AVAIL_IDX]);
	n = seen - vr->last_avail;
	if (n > vr->size) {
		broken(vr, "available index jumped beyond the ring", seen);
		return 0;
	}
	vr->avail_seen = seen;
	return n;
}

/* The only read of a descriptor: two words, at any alignment. */
static struct vring_desc read_desc(const uint8_t *table, uint32_t i)
{
	const uint8_t *at = table + i * sizeof(struct vring_desc);
	uint64_t addr, rest;

	__builtin_memcpy(&addr, at, sizeof(addr));
	__builtin_memcpy(&rest, at + sizeof(addr), sizeof(rest));
	fence_compiler();
	return (struct vring_desc){ addr, rest, rest >> 32, rest >> 48 };
}

static int enter_indirect(struct vring *vr, struct table *t, const struct vring_desc *d)
{
	if (!vr->indirect)
		return broken(vr, "indirect table without the feature", d->flags);
	if (t->indirect)
		return broken(vr, "indirect table inside an indirect table", d->addr);
	if (d->flags & VRING_DESC_NEXT)
		return broken(vr, "descriptor both indirect and chained", d->flags);
	if (!d->len || d->len % sizeof(*d))
		return broken(vr, "indirect table with a length of", d->len);
	t->desc = vm_ram(vr->vm, d->addr, d->len);
	if (!t->desc)
		return broken(vr, "indirect table outside RAM", d->addr);
	t->count = d->len / sizeof(*d);
	t->indirect = true;
	return 0;
}

static int __noinline wrong_kind(struct vring *vr, const struct vring_desc *d)
{
	if (d->flags & VRING_DESC_WRITE)
		return broken(vr, "write-only descriptor", d->addr);
	return broken(vr, "read-only descriptor", d->addr);
}

static inline int append(struct vring *vr, const struct vring_desc *d, uint16_t write,
			 struct vring_list *list)
{
	uint8_t *hva;

	if ((d->flags & VRING_DESC_WRITE) != write)
		return wrong_kind(vr, d);
	if (!d->len)
		return 0;
	hva = vm_ram(vr->vm, d->addr, d->len);
	if (!hva)
		return broken(vr, "buffer outside RAM", d->addr);
	if (list->segs == ARRAY_SIZE(list->seg))
		return -ENOSPC;
	list->seg[list->segs++] = (struct packet_seg){ hva, d->len };
	list->bytes += d->len;
	return 0;
}

/* A chain from its first descriptor on. */
static int walk_chain(struct vring *vr, struct vring_desc d, uint16_t write,
		      struct vring_list *list)
{
	struct table t = { .desc = vr->desc, .count = vr->size };
	uint32_t left = vr->size; /* a loop ends there */
	uint32_t next;
	int err;

	for (;;) {
		next = 0;
		if (d.flags & VRING_DESC_INDIRECT) {
			err = enter_indirect(vr, &t, &d);
		} else if (!left--) {
			err = broken(vr, "chain longer than the ring, or a loop", d.next);
		} else {
			err = append(vr, &d, write, list);
			if (!(d.flags & VRING_DESC_NEXT))
				return err;
			next = d.next;
		}
		if (err)
			return err;
		if (next >= t.count)
			return broken(vr, "descriptor number beyond the table", next);
		d = read_desc(t.desc, next);
	}
}

int vring_peek(struct vring *vr, uint16_t ahead, bool device_writes, struct vring_list *list,
	       uint16_t *head)
{
	uint16_t slot = (vr->last_avail + ahead) & (vr->size - 1);
	uint16_t write = device_writes ? VRING_DESC_WRITE : 0;
	struct vring_desc d;

	*head = load16(&vr->avail[AVAIL_RING + slot]);
	if (*head >= vr->size)
		return broken(vr, "descriptor number beyond the table", *head);
	d = read_desc(vr->desc, *head);
	if (d.flags & (VRING_DESC_NEXT | VRING_DESC_INDIRECT))
		return walk_chain(vr, d, write, list);
	return append(vr, &d, write, list);
}

/*
 * Did the index pass `event` on the way from old to now? (virtio 1.2 2.7.7.2; indices wrap at
 * 65536)
 */
static bool event_passed(uint16_t event, uint16_t now, uint16_t old)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

void vring_publish(struct vring *vr)
{
	if (!vr->size || vr->used_idx == vr->published)
		return;
	vr->published = vr->used_idx;
	/*
	 * Release: the driver must not see the index before the used elements and the data it
	 * covers.
	 */
	store16_release(&vr->used[USED_IDX], vr->used_idx);
}

bool vring_wants_irq(struct vring *vr)
{
	uint16_t old = vr->asked;

	if (!vr->size || vr->published == old)
		return false;
	vr->asked = vr->published;
	/*
	 * Full fence between our index store and the load of the driver's wish. The driver does
	 * the mirror image (stores its wish, then loads our index). Were either pair reordered,
	 * both could see the old value: no interrupt here, sleep there, and the chain is never
	 * looked at.
	 */
	fence_full();
	if (vr->event_idx)
		return event_passed(load16(&vr->avail[AVAIL_RING + vr->size]), vr->published, old);
	return !(load16(&vr->avail[AVAIL_FLAGS]) & VRING_NO_INTERRUPT);
}

void vring_kicks_off(struct vring *vr, uint16_t ahead)
{
	if (!vr->size)
		return;
	if (vr->event_idx)
		store16(vr->avail_event, vr->last_avail + ahead);
	else
		store16(&vr->used[USED_FLAGS], VRING_NO_NOTIFY);
}

bool vring_kicks_on(struct vring *vr)
{
	uint16_t seen = vr->avail_seen;

	if (!vr->size)
		return false;
	if (vr->event_idx)
		store16(vr->avail_event, seen);
	else
		store16(&vr->used[USED_FLAGS], 0);
	/*
	 * Full fence between storing our wish and loading the driver's index. A driver that added
	 * a chain before it saw the wish does not kick; then the load below sees the chain.
	 * Without the fence the load could come first: chain missed, no kick, and it would wait
	 * for ever.
	 */
	fence_full();
	return load16(&vr->avail[AVAIL_IDX]) != seen;
}
