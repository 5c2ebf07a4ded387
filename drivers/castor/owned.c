// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Donated skbs that are somewhere in this VM or in the hypervisor's pool. Each may carry a pointer
 * to our destructor, in the driver's ring for as long as the ring stands still. To unload the
 * module those pointers are taken out of them, which needs to know them all: an skb leaves the set
 * exactly when it is freed or changes hands.
 */
#include "castor.h"

#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <linux/xarray.h>

static DEFINE_XARRAY_FLAGS(owned, XA_FLAGS_LOCK_IRQ);

/* Slab objects of a page are neighbours in the tree. */
static unsigned long index_of(const struct sk_buff *skb)
{
	return (unsigned long)skb >> 5;
}

int castor_owned_add(struct sk_buff *skb, gfp_t gfp)
{
	return xa_err(xa_store_irq(&owned, index_of(skb), skb, gfp));
}

void castor_owned_remove(struct sk_buff *skb)
{
	unsigned long flags;

	xa_lock_irqsave(&owned, flags);
	__xa_erase(&owned, index_of(skb));
	xa_unlock_irqrestore(&owned, flags);
}

/*
 * An skb in the set is not freed before castor_owned_remove() has had the lock. A task that was
 * preempted between loading our address from an skb and calling it is waited for.
 */
unsigned long castor_owned_release(void)
{
	unsigned long i, flags, n = 0;
	struct sk_buff *skb;

	xa_lock_irqsave(&owned, flags);
	xa_for_each(&owned, i, skb)
	{
		if (skb->destructor == castor_destructor)
			skb->destructor = NULL;
		__xa_erase(&owned, i);
		n++;
	}
	xa_unlock_irqrestore(&owned, flags);
	synchronize_rcu_tasks();
	return n;
}
