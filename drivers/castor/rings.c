// SPDX-License-Identifier: GPL-2.0-or-later
/* The shared rings and the upcalls. */
#include "castor.h"

#include <linux/etherdevice.h>
#include <linux/skbuff.h>
#include <linux/slab.h>

extern struct kmem_cache *castor_head_cache;

static bool push(struct castor_ring *r, const struct castor_slot *slot)
{
	u32 tail = r->tail;

	if (tail - smp_load_acquire(&r->head) >= CASTOR_RING_SLOTS)
		return false;
	r->slot[tail % CASTOR_RING_SLOTS] = *slot;
	smp_store_release(&r->tail, tail + 1); /* the slot before its index */
	return true;
}

static bool pop(struct castor_ring *r, struct castor_slot *slot)
{
	u32 head = r->head;

	if (smp_load_acquire(&r->tail) == head)
		return false;
	*slot = r->slot[head % CASTOR_RING_SLOTS];
	smp_store_release(&r->head, head + 1); /* read before it is free again */
	return true;
}

static void free_slot(const struct castor_slot *slot)
{
	struct sk_buff *skb = (struct sk_buff *)slot->dva;

	if (slot->kind == CASTOR_HEAD) {
		kmem_cache_free(castor_head_cache, skb);
	} else if (slot->kind == CASTOR_FRAG) {
		page_frag_free((void *)slot->dva);
	} else {
		skb->destructor = NULL; /* it left the hypervisor's table already */
		dev_kfree_skb_any(skb);
	}
}

static void deliver(const struct castor_slot *slot)
{
	struct sk_buff *skb = (struct sk_buff *)slot->dva;

	if (!castor.nd) {
		dev_kfree_skb_any(skb);
		return;
	}
	skb->dev = castor.nd;
	netif_receive_skb(skb);
}

void castor_drain(void)
{
	struct castor_slot slot;

	while (pop(&castor.area->free, &slot))
		dev_kfree_skb_any((struct sk_buff *)slot.dva);
	while (pop(&castor.area->rx, &slot))
		deliver(&slot);
	while (pop(&castor.area->back, &slot))
		free_slot(&slot);
}

static bool donate_one(struct castor_slot *slot, u32 kind, u32 bytes, gfp_t gfp)
{
	struct sk_buff *skb;

	slot->kind = kind;
	slot->bytes = bytes;
	if (kind == CASTOR_SKB) {
		skb = alloc_skb(bytes, gfp);
		if (skb)
			skb->destructor = castor_destructor;
		slot->dva = (unsigned long)skb;
	} else if (kind == CASTOR_HEAD) {
		slot->dva = (unsigned long)kmem_cache_alloc(castor_head_cache, gfp);
	} else {
		slot->dva = (unsigned long)netdev_alloc_frag(bytes);
	}
	if (!slot->dva)
		return false;
	if (push(&castor.area->donate, slot))
		return true;
	free_slot(slot);
	return false;
}

static void donate_kind(u32 kind, u32 bytes, u32 *given, u32 want, gfp_t gfp)
{
	struct castor_slot slot;
	u32 n = want - *given;

	for (n = min_t(u32, n, CASTOR_RING_SLOTS); n; n--) {
		if (!donate_one(&slot, kind, bytes, gfp))
			return;
		(*given)++;
	}
}

/* A ring holds fewer than all wanted at first: the hypervisor takes each batch before the next. */
void castor_donate(gfp_t gfp)
{
	struct castor_shared *a = castor.area;

	donate_kind(CASTOR_SKB, a->skb_bytes, &a->given_skb, a->want_skb, gfp);
	castor_hypercall(CASTOR_HC_RINGS, 0, 0);
	donate_kind(CASTOR_HEAD, 0, &a->given_head, a->want_head, gfp);
	castor_hypercall(CASTOR_HC_RINGS, 0, 0);
	donate_kind(CASTOR_FRAG, a->frag_bytes, &a->given_frag, a->want_frag, gfp);
	castor_hypercall(CASTOR_HC_RINGS, 0, 0);
}

/*
 * This VM frees a donated skb: the hypervisor must forget the address before the slab gives it
 * out again.
 */
void castor_destructor(struct sk_buff *skb)
{
	struct castor_slot slot = { .dva = (unsigned long)skb, .kind = CASTOR_SKB };
	unsigned long flags;

	spin_lock_irqsave(&castor.gone_lock, flags);
	if (!push(&castor.area->gone, &slot))
		pr_warn_once("castor: ring of freed buffers is full\n");
	spin_unlock_irqrestore(&castor.gone_lock, flags);
}

static void tasklet(struct tasklet_struct *t)
{
	u32 wake = xchg(&castor.wake, 0);

	castor_drain();
	castor_donate(GFP_ATOMIC);
	if (wake && castor.nd)
		netif_tx_schedule_all(castor.nd);
}

void castor_rings_init(void)
{
	spin_lock_init(&castor.gone_lock);
	tasklet_setup(&castor.tasklet, tasklet);
}

typedef u64 (*fn12)(u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64);
typedef u64 (*fn6)(u64, u64, u64, u64, u64, u64);

void castor_run_upcall(void)
{
	struct castor_upcall *up = &castor.area->upcall;
	const u64 *a = up->arg;

	if (!READ_ONCE(up->pending))
		return;
	if (up->args <= 6)
		up->result = ((fn6)up->fn_dva)(a[0], a[1], a[2], a[3], a[4], a[5]);
	else
		up->result = ((fn12)up->fn_dva)(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7],
						a[8], a[9], a[10], a[11]);
	WRITE_ONCE(up->pending, 0);
	castor_hypercall(CASTOR_HC_UPCALL_DONE, 0, 0);
}
