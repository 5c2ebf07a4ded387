/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of castor.ko share.
 *
 * Contexts and locks. The driver VM has one CPU; what would need more care on several says so.
 *   rtnl_lock, may sleep   attach.c, bridge.c: nd, napi, attached, poll function
 *   castor's own NAPI      consumer of free, rx, back
 *   donate_lock (BH)       producer of ring donate, and the given_ totals
 *   gone_lock (IRQ)        producer of ring gone: any context, since an skb may be freed in any
 *   owned's lock (IRQ)     set of donated skbs that carry our destructor
 *   rcu_read_lock          castor_free_waiter(), whoever has the rtnl_lock
 *   hard interrupt         castor_interrupt(): events, upcalls; takes no lock of its own
 */
#ifndef CASTOR_H
#define CASTOR_H

#include <linux/etherdevice.h>
#include <linux/interrupt.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <asm/kvm_para.h>
#include "../castor_abi.h"

/* Bits of castor.flags: set in the interrupt, taken by the work item. */
#define CASTOR_DEAD 0 /* the twin died */
#define CASTOR_MODE 1 /* somebody at the monitor asked for a mode */
#define CASTOR_WAKE 2 /* the interface's queues may have backlog; taken by the tasklet */
#define CASTOR_UP   3 /* the interface was opened */

struct castor_counts {
	unsigned long freed, received, returned, gone, upcalls;
};

struct castor {
	struct castor_shared *area;
	struct net_device *nd; /* the interface, from NETDEV_UP to its end */
	struct napi_struct *napi;
	int (*driver_poll)(struct napi_struct *napi, int budget);
	bool attached;
	unsigned long flags;
	struct castor_counts counts;
};
extern struct castor castor;

/*
 * Calls the hypervisor; any context. The kernel puts AMD-V's instruction or VT-x's there when it
 * loads the module.
 */
static inline long castor_hypercall(unsigned long nr, unsigned long a, unsigned long b)
{
	long rc;

	asm volatile(KVM_HYPERCALL : "=a"(rc) : "a"(nr), "b"(a), "c"(b) : "memory");
	return rc;
}

/* facts.c: allocates the shared area and says hello; -ENODEV when the hypervisor has no twin. */
int castor_area_init(void);
void castor_area_free(void);
unsigned long castor_symbol(const char *name); /* any address of the kernel's; 0: none */
int castor_write_facts(void); /* before each attach, rtnl_lock held; 0 or negative */

/* attach.c: all under rtnl_lock, but for castor_free_waiter() */
void castor_attach(void);      /* if it is wanted and possible */
void castor_detach(void);      /* if attached */
void castor_leave(void);       /* the interface or castor goes: nothing of ours is left on it */
void castor_recover(void);     /* after a death of the twin: the driver goes on, or resets itself */
void castor_free_waiter(void); /* in napi_disable() for a dead twin, if so. RCU, nd is not NULL */
void castor_forgive(void);     /* forget earlier deaths */

/* bridge.c: rtnl_lock held */
void castor_isolate(const char *dev, bool on);
void castor_drain_port(void); /* sleeps: what the virtio card holds has passed the bridge */
void castor_limit_gro(struct net_device *nd); /* frames that the virtio card takes whole */
void castor_free_gro(struct net_device *nd);  /* back to the interface's own limit */

/* rings.c */
int castor_rings_init(void);      /* 0 or -ENOMEM */
void castor_rings_stop(void);     /* undoes it; no buffer was ever donated, or all are back */
void castor_rings_exit(void);     /* not attached: takes all buffers back; then as stop */
void castor_rings_schedule(void); /* any context */
void castor_rings_sync(void);     /* sleeps: free, rx and back are empty as far as filled before */
void castor_donate_all(void);     /* process context */
void castor_destructor(struct sk_buff *skb);

/* upcall.c */
void castor_upcall_init(void);
void castor_upcall_exit(void);      /* not attached, no interrupt any more */
void castor_upcall_interrupt(void); /* hard interrupt */
void castor_upcall_softirq(void);   /* softirq: runs what waits for one, if anything */

/* owned.c: the set of donated skbs. Any context, between init and exit. */
int castor_owned_init(void); /* 0 or -ENOMEM */
void castor_owned_exit(void);
void castor_owned_add(struct sk_buff *skb);
void castor_owned_remove(struct sk_buff *skb);
unsigned long castor_owned_release(void); /* sleeps; afterwards nobody calls our destructor */

void castor_repage_exit(void); /* repage.c, a test hook */

extern struct kmem_cache *castor_head_cache;

#endif
