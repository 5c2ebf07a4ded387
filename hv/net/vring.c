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

/* Where a walk along a chain is. */
struct walk {
	const uint8_t *table;
	uint32_t count; /* descriptors in table */
	uint32_t steps; /* descriptors followed so far: a loop ends at the ring's size */
	bool inside;    /* table is an indirect one */
};

static int broken(struct vring *vr, const char *why, uint64_t val)
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
	uint16_t n;

	if (!vr->size)
		return 0;
	/*
	 * Acquire: the ring entries and descriptors behind the index must not be read before it,
	 * or old contents would be taken for new ones.
	 */
	vr->avail_seen = load16_acquire(&vr->avail[AVAIL_IDX]);
	n = vr->avail_seen - vr->last_avail;
	if (n > vr->size) {
		broken(vr, "available index jumped beyond the ring", vr->avail_seen);
		return 0;
	}
	return n;
}

/* The only read of a descriptor. */
static struct vring_desc read_desc(const struct walk *w, uint32_t i)
{
	struct vring_desc d;

	__builtin_memcpy(&d, w->table + i * sizeof(d), sizeof(d));
	fence_compiler();
	return d;
}

static int enter_indirect(struct vring *vr, struct walk *w, const struct vring_desc *d)
{
	if (!vr->indirect)
		return broken(vr, "indirect table without the feature", d->flags);
	if (w->inside)
		return broken(vr, "indirect table inside an indirect table", d->addr);
	if (d->flags & VRING_DESC_NEXT)
		return broken(vr, "descriptor both indirect and chained", d->flags);
	if (!d->len || d->len % sizeof(*d))
		return broken(vr, "indirect table with a length of", d->len);
	w->table = vm_ram(vr->vm, d->addr, d->len);
	if (!w->table)
		return broken(vr, "indirect table outside RAM", d->addr);
	w->count = d->len / sizeof(*d);
	w->inside = true;
	return 0;
}

static int append(struct vring *vr, const struct vring_desc *d, bool device_writes,
		  struct vring_list *list)
{
	uint8_t *hva;

	if (!!(d->flags & VRING_DESC_WRITE) != device_writes)
		return broken(vr, device_writes ? "read-only descriptor" : "write-only descriptor",
			      d->addr);
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

int vring_peek(struct vring *vr, uint16_t ahead, bool device_writes, struct vring_list *list,
	       uint16_t *head)
{
	struct walk w = { .table = vr->desc, .count = vr->size };
	uint16_t slot = (vr->last_avail + ahead) & (vr->size - 1);
	uint32_t i = *head = load16(&vr->avail[AVAIL_RING + slot]);
	struct vring_desc d;
	int err;

	for (;;) {
		if (i >= w.count)
			return broken(vr, "descriptor number beyond the table", i);
		if (++w.steps > vr->size)
			return broken(vr, "chain longer than the ring, or a loop", *head);
		d = read_desc(&w, i);
		i = d.next;
		if (d.flags & VRING_DESC_INDIRECT) {
			err = enter_indirect(vr, &w, &d);
			w.steps--;
			i = 0;
		} else {
			err = append(vr, &d, device_writes, list);
		}
		if (err || !(d.flags & (VRING_DESC_NEXT | VRING_DESC_INDIRECT)))
			return err;
	}
}

void vring_take(struct vring *vr, uint16_t head, uint32_t written)
{
	struct vring_used_elem *e = &vr->used_ring[vr->used_idx & (vr->size - 1)];

	*e = (struct vring_used_elem){ head, written };
	vr->used_idx++;
	vr->last_avail++;
	vr->chains++;
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
