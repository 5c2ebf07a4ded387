// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Donated skbs that are somewhere in this VM or in the hypervisor's pool. Each may carry a pointer
 * to our destructor, in the driver's ring for as long as the ring stands still. To unload the
 * module those pointers are taken out of them, which needs to know them all: an skb leaves the set
 * exactly when it is freed or changes hands.
 *
 * Each received frame enters and leaves it, so it is a bit for each cache line of this VM's memory
 * (1/512 of it): skbs lie in the direct map, and no two in one line.
 */
#include "castor.h"

#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <linux/vmalloc.h>

static DEFINE_SPINLOCK(lock);
static unsigned long *owned;
static unsigned long lines;

int castor_owned_init(void)
{
	lines = __pa(high_memory) >> L1_CACHE_SHIFT;
	owned = vzalloc(BITS_TO_LONGS(lines) * sizeof(*owned));
	return owned ? 0 : -ENOMEM;
}

void castor_owned_exit(void)
{
	vfree(owned);
	owned = NULL;
}

static unsigned long line_of(const struct sk_buff *skb)
{
	return __pa(skb) >> L1_CACHE_SHIFT;
}

void castor_owned_add(struct sk_buff *skb)
{
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	__set_bit(line_of(skb), owned);
	spin_unlock_irqrestore(&lock, flags);
}

/* Who holds an skb alone changes its bit, so that this VM's own need no lock. */
void castor_owned_remove(struct sk_buff *skb)
{
	unsigned long flags;

	if (!test_bit(line_of(skb), owned))
		return;
	spin_lock_irqsave(&lock, flags);
	__clear_bit(line_of(skb), owned);
	spin_unlock_irqrestore(&lock, flags);
}

/*
 * An skb in the set is not freed before castor_owned_remove() has had the lock. A task that was
 * preempted between loading our address from an skb and calling it is waited for.
 */
unsigned long castor_owned_release(void)
{
	unsigned long i, flags, n = 0;

	spin_lock_irqsave(&lock, flags);
	for_each_set_bit(i, owned, lines)
	{
		struct sk_buff *skb = __va(i << L1_CACHE_SHIFT);

		if (skb->destructor == castor_destructor)
			skb->destructor = NULL;
		__clear_bit(i, owned);
		n++;
	}
	spin_unlock_irqrestore(&lock, flags);
	synchronize_rcu_tasks();
	return n;
}
