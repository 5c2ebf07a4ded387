/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of castor.ko share. */
#ifndef CASTOR_H
#define CASTOR_H

#include <linux/interrupt.h>
#include <linux/netdevice.h>
#include "../castor_abi.h"

struct castor {
	struct castor_shared *area;
	struct net_device *nd;        /* under rtnl_lock; NULL while the interface is not there */
	struct napi_struct *napi;
	int (*driver_poll)(struct napi_struct *napi, int budget);
	bool attached;
	u32 wake;                     /* the interface's queues may have backlog */
	unsigned int irq;
	struct tasklet_struct tasklet;
	spinlock_t gone_lock;         /* producers of ring `gone` */
	unsigned long stack[2];
};
extern struct castor castor;

/* Calls the hypervisor; any context. AMD-V's instruction; on Intel it would be VMCALL. */
static inline long castor_hypercall(unsigned long nr, unsigned long a, unsigned long b)
{
	long rc;

	asm volatile("vmmcall" : "=a"(rc) : "a"(nr), "b"(a), "c"(b) : "memory");
	return rc;
}

/* facts.c: allocates the shared area and says hello; -ENODEV when the hypervisor has no twin. */
int castor_area_init(void);
void castor_area_free(void);
int castor_write_facts(void); /* before each attach, rtnl_lock held */

/* rings.c */
void castor_rings_init(void);
void castor_drain(void);         /* softirqs off */
void castor_donate(gfp_t gfp);
void castor_destructor(struct sk_buff *skb);
void castor_run_upcall(void);    /* hard interrupt */

#endif
