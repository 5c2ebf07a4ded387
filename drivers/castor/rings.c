// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The shared rings: buffers to and from the hypervisor, and received frames.
 *
 * What the hypervisor gives is taken by a NAPI of castor's own, as any driver takes what its card
 * gives: so frames get to the stack in lists, through GRO where the hypervisor does not merge
 * already. It is of no interface, because the one that frames belong to comes and goes.
 */
#include "castor.h"

#include <linux/delay.h>
#include <linux/if_vlan.h>
#include <linux/skbuff.h>
#include <linux/slab.h>

#define ATOMIC_MAX 128 /* objects of a kind that a softirq donates; more are a work item's */

static DEFINE_SPINLOCK(donate_lock);
static DEFINE_SPINLOCK(gone_lock);
static void donate_work(struct work_struct *work);
static DECLARE_WORK(work_donate, donate_work);
static struct net_device nobody; /* what NAPI needs of an interface */
static struct napi_struct napi;

static bool push(struct castor_ring *r, const struct castor_slot *slot)
{
	u32 tail = r->tail;

	if (tail - smp_load_acquire(&r->head) >= CASTOR_RING_SLOTS)
		return false;
	r->slot[tail % CASTOR_RING_SLOTS] = *slot;
	smp_store_release(&r->tail, tail + 1); /* the slot before its index */
	return true;
}

/* NULL: there is none. It is there until release(). */
static const struct castor_slot *front(const struct castor_ring *r)
{
	u32 head = r->head;

	return smp_load_acquire(&r->tail) == head ? NULL : &r->slot[head % CASTOR_RING_SLOTS];
}

static void release(struct castor_ring *r)
{
	smp_store_release(&r->head, r->head + 1); /* read before it is free again */
}

static bool pop(struct castor_ring *r, struct castor_slot *slot)
{
	const struct castor_slot *s = front(r);

	if (!s)
		return false;
	*slot = *s;
	release(r);
	return true;
}

/* The hypervisor gave it away, so it has nothing to be told when it is freed. */
static struct sk_buff *take_skb(const struct castor_slot *slot)
{
	struct sk_buff *skb = (struct sk_buff *)slot->dva;

	castor_owned_remove(skb); /* does nothing for an skb of this VM's own */
	if (skb->destructor == castor_destructor)
		skb->destructor = NULL;
	return skb;
}

static void free_slot(const struct castor_slot *slot)
{
	if (slot->kind == CASTOR_HEAD)
		kmem_cache_free(castor_head_cache, (void *)slot->dva);
	else if (slot->kind == CASTOR_FRAG)
		page_frag_free((void *)slot->dva);
	else if (slot->kind == CASTOR_PAGE)
		free_page(slot->dva);
	else
		dev_kfree_skb_any(take_skb(slot));
}

static struct sk_buff *copy_frame(const struct castor_slot *slot, struct net_device *nd)
{
	const u8 *frame = castor.area->frame[slot - castor.area->rx.slot];
	struct sk_buff *skb = napi_alloc_skb(&napi, slot->bytes);

	if (!skb) {
		dev_core_stats_rx_dropped_inc(nd);
		return NULL;
	}
	skb_put_data(skb, frame, slot->bytes);
	skb->protocol = eth_type_trans(skb, nd);
	if (slot->dva)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	return skb;
}

/* NULL: it is lost. */
static struct sk_buff *received(const struct castor_slot *slot)
{
	struct net_device *nd = READ_ONCE(castor.nd);
	struct sk_buff *skb;

	if (slot->kind == CASTOR_FRAME)
		return nd ? copy_frame(slot, nd) : NULL;
	skb = take_skb(slot);
	if (nd) {
		skb->dev = nd;
		return skb;
	}
	dev_kfree_skb_any(skb);
	return NULL;
}

/*
 * Whether the hypervisor has merged what is to be merged of such frames. A connection's frames are
 * all of one kind, so that those which GRO holds are not overtaken.
 */
static bool is_merged(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP) && !skb_vlan_tag_present(skb) &&
	       skb->dev->mtu <= ETH_DATA_LEN;
}

static void drain_buffers(int budget)
{
	struct castor_slot slot;

	while (pop(&castor.area->free, &slot)) {
		castor.counts.freed++;
		napi_consume_skb(take_skb(&slot), budget);
	}
	while (pop(&castor.area->back, &slot)) {
		castor.counts.returned++;
		free_slot(&slot);
	}
}

static int drain_frames(int budget)
{
	const struct castor_slot *slot;
	LIST_HEAD(list);
	int n = 0;

	while (n < budget && (slot = front(&castor.area->rx))) {
		struct sk_buff *skb = received(slot);

		release(&castor.area->rx);
		n++;
		if (skb && is_merged(skb))
			list_add_tail(&skb->list, &list);
		else if (skb)
			napi_gro_receive(&napi, skb);
	}
	castor.counts.received += n;
	netif_receive_skb_list(&list);
	return n;
}

/* One kind of buffer: the hypervisor's wish and what it has got. */
struct donation {
	u32 kind, bytes;
	const u32 *want;
	u32 *given;
};

static bool wanted(const struct donation *d)
{
	return (s32)(READ_ONCE(*d->want) - READ_ONCE(*d->given)) > 0;
}

static void *alloc_object(const struct donation *d, gfp_t gfp)
{
	struct sk_buff *skb;

	if (d->kind == CASTOR_HEAD)
		return kmem_cache_alloc(castor_head_cache, gfp);
	if (d->kind == CASTOR_FRAG)
		return netdev_alloc_frag(d->bytes);
	if (d->kind == CASTOR_PAGE)
		return (void *)__get_free_page(gfp);
	skb = alloc_skb(d->bytes, gfp);
	if (skb) {
		castor_owned_add(skb);
		skb->destructor = castor_destructor;
	}
	return skb;
}

/* 0; -ENOMEM; -ENOSPC: the ring is full, or nothing more is wanted. */
static int donate_one(const struct donation *d, gfp_t gfp)
{
	struct castor_slot slot = { .bytes = d->bytes, .kind = d->kind };
	bool pushed;

	slot.dva = (unsigned long)alloc_object(d, gfp);
	if (!slot.dva)
		return -ENOMEM;
	spin_lock_bh(&donate_lock);
	pushed = wanted(d) && push(&castor.area->donate, &slot);
	if (pushed)
		(*d->given)++;
	spin_unlock_bh(&donate_lock);
	if (!pushed)
		free_slot(&slot);
	return pushed ? 0 : -ENOSPC;
}

static void tell(void)
{
	castor_hypercall(CASTOR_HC_RINGS, 0, 0);
}

/*
 * Up to max objects of a kind; how many. A full ring is emptied by the hypervisor once; what does
 * not fit then, or for which there is no memory, waits for its next request.
 */
static u32 donate(const struct donation *d, u32 max, gfp_t gfp)
{
	u32 n = 0;
	int rc;

	while (wanted(d) && n < max) {
		rc = donate_one(d, gfp);
		if (rc == -ENOSPC) {
			tell();
			rc = donate_one(d, gfp);
		}
		if (rc)
			break;
		n++;
	}
	return n;
}

/* Up to max objects of each kind. true: more are wanted and may be had. */
static bool donate_kinds(u32 max, gfp_t gfp)
{
	struct castor_shared *a = castor.area;
	const struct donation kinds[] = {
		{ CASTOR_SKB, a->skb_bytes, &a->want_skb, &a->given_skb },
		{ CASTOR_HEAD, 0, &a->want_head, &a->given_head },
		{ CASTOR_FRAG, a->frag_bytes, &a->want_frag, &a->given_frag },
		{ CASTOR_PAGE, PAGE_SIZE, &a->want_page, &a->given_page },
	};
	bool more = false;
	int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		more |= donate(&kinds[i], max, gfp) == max;
	return more;
}

void castor_donate_all(void)
{
	donate_kinds(U32_MAX, GFP_KERNEL);
	tell();
}

static void donate_work(struct work_struct *work)
{
	castor_donate_all();
}

/*
 * This VM frees a donated skb: the slab may give its address to the next one at once, and the
 * hypervisor would take that for its own when it is transmitted. So it is told now, not with the
 * next event. While nothing is attached it knows of no skb outside its pool. Rare: the driver's
 * own instance frees them, when it resets its rings.
 */
void castor_destructor(struct sk_buff *skb)
{
	struct castor_slot slot = { .dva = (unsigned long)skb, .kind = CASTOR_SKB };
	unsigned long flags;

	castor_owned_remove(skb);
	if (!READ_ONCE(castor.attached))
		return;
	spin_lock_irqsave(&gone_lock, flags);
	castor.counts.gone++;
	if (!push(&castor.area->gone, &slot))
		pr_warn_once("castor: the hypervisor does not empty the ring of freed buffers\n");
	tell();
	spin_unlock_irqrestore(&gone_lock, flags);
}

/* By one at a time. */
static int poll(struct napi_struct *n, int budget)
{
	struct net_device *nd = READ_ONCE(castor.nd);
	int done;

	drain_buffers(budget);
	done = drain_frames(budget);
	if (done == budget)
		return done;
	/* A few the hypervisor finds when it looks, every 64 frames; of many it is told. */
	if (READ_ONCE(castor.attached) && donate_kinds(ATOMIC_MAX, GFP_ATOMIC))
		schedule_work(&work_donate);
	if (test_and_clear_bit(CASTOR_WAKE, &castor.flags) && nd)
		netif_tx_schedule_all(nd);
	napi_complete_done(n, done);
	return done;
}

void castor_rings_schedule(void)
{
	napi_schedule(&napi);
}

/*
 * NAPI_STATE_MISSED sees to it that all of this poll begins after now. While ksoftirqd is awake it
 * is ksoftirqd that polls, as soon as this sleeps; napi_synchronize() does that by jiffies, which
 * made 12 ms of a stop.
 */
void castor_rings_sync(void)
{
	local_bh_disable();
	napi_schedule(&napi);
	local_bh_enable();
	while (test_bit(NAPI_STATE_SCHED, &napi.state))
		usleep_range(50, 100);
	smp_rmb(); /* what the poll wrote is seen */
}

int castor_rings_init(void)
{
	int rc = castor_owned_init();

	if (rc)
		return rc;
	init_dummy_netdev(&nobody);
	netif_napi_add(&nobody, &napi, poll);
	napi_enable(&napi);
	return 0;
}

void castor_rings_stop(void)
{
	napi_disable(&napi);
	netif_napi_del(&napi);
	castor_owned_exit();
}

/* No event comes any more: the caller has freed the interrupt. */
void castor_rings_exit(void)
{
	unsigned long left;
	long n;

	cancel_work_sync(&work_donate);
	tell(); /* what still lies in `donate` comes back with the rest */
	do {
		n = castor_hypercall(CASTOR_HC_RETURN, 0, 0);
		castor_rings_sync();
	} while (n > 0);
	left = castor_owned_release();
	castor_rings_stop();
	pr_info("castor: %lu buffers came back, %lu skbs stay with the driver\n",
		castor.counts.returned, left);
}
