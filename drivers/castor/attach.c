// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attach, detach, and recovery after a death of the twin. rtnl_lock is held everywhere: the
 * interface neither opens nor closes, and nothing else resets the driver meanwhile.
 *
 * NAPI belongs to whoever set NAPI_STATE_SCHED (R9). Attaching takes it with napi_disable().
 * Detaching must not: a twin that died while it polled never gives SCHED back, and napi_disable()
 * would wait for it with rtnl_lock held. So first the hypervisor lets go, then, with softirqs off,
 * SCHED without a place on a poll list is the twin's, and is released.
 */
#include "castor.h"

#include <linux/delay.h>
#include <linux/ethtool.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>

#define DEATHS_WINDOW (600 * HZ)
#define BUSY_TRIES    20000 /* at 50 us: longer than the hypervisor waits for an upcall */

static unsigned int deaths_max = 3;
module_param_named(deaths, deaths_max, uint, 0444);
MODULE_PARM_DESC(deaths, "deaths of the twin in ten minutes that are answered by a new attachment");

static u8 address[CASTOR_UC_MAX][ETH_ALEN]; /* as they were added, for the way back */
static u32 addresses;
static bool all_groups;
static unsigned int deaths;
static unsigned long first_death;

/*
 * Guests' addresses go through the driver's own filter, so that its resets keep them (R12). The
 * virtio card has no queue by which guests could tell their groups, so it takes all of them. They
 * stay when the twin goes, as the bridge needs them as well: a card whose filter changes may
 * receive nothing for a while (QEMU's e1000: for a second).
 */
static void add_addresses(void)
{
	u32 i;

	if (addresses || all_groups)
		return;
	addresses = min_t(u32, READ_ONCE(castor.area->uc_count), CASTOR_UC_MAX);
	for (i = 0; i < addresses; i++) {
		ether_addr_copy(address[i], castor.area->uc[i]);
		dev_uc_add(castor.nd, address[i]);
	}
	if (dev_set_allmulti(castor.nd, 1))
		pr_warn("castor: %s does not take all groups\n", castor.nd->name);
	else
		all_groups = true;
}

static void remove_addresses(void)
{
	while (addresses)
		dev_uc_del(castor.nd, address[--addresses]);
	if (all_groups)
		dev_set_allmulti(castor.nd, -1);
	all_groups = false;
}

/*
 * Stands in for the driver's poll function while the twin is attached: this VM's softirq owns NAPI
 * and lends it to the twin for one poll. Less than the budget means that the twin gave NAPI up
 * with napi_complete_done(). If the twin is dead the rings may be half-written: nobody polls them,
 * and SCHED stays until castor_recover() (R19).
 */
static int castor_poll(struct napi_struct *napi, int budget)
{
	s64 done;

	castor.area->poll_result = -EIO;
	castor_hypercall(CASTOR_HC_POLL, budget, 0);
	castor_upcall_softirq(); /* the poll is not over: no tasklet gets in before this returns */
	done = READ_ONCE(castor.area->poll_result);
	if (done == -EAGAIN) /* an upcall is under way, its interrupt is about to come */
		return budget;
	return done < 0 ? 0 : min_t(s64, done, budget);
}

/* What arrived while nobody was looking is found by one poll more. */
static void kick_napi(void)
{
	local_bh_disable();
	napi_schedule(castor.napi);
	local_bh_enable();
}

/*
 * The hypervisor does not attach or detach in the middle of an upcall, which needs this CPU's
 * interrupt.
 */
static long hypercall_settled(unsigned long nr)
{
	long rc;
	int i;

	for (i = 0; i < BUSY_TRIES; i++) {
		rc = castor_hypercall(nr, 0, 0);
		if (rc != -EAGAIN)
			break;
		usleep_range(50, 100);
	}
	return rc;
}

static bool may_attach(void)
{
	return castor.nd && !castor.attached && netif_running(castor.nd) &&
	       READ_ONCE(castor.area->want_attached) &&
	       (deaths <= deaths_max || time_after(jiffies, first_death + DEATHS_WINDOW));
}

void castor_attach(void)
{
	struct napi_struct *napi;
	long rc;

	if (!may_attach())
		return;
	napi = list_first_entry_or_null(&castor.nd->napi_list, struct napi_struct, dev_list);
	if (!napi) {
		pr_info("castor: %s has no NAPI\n", castor.nd->name);
		return;
	}
	castor.napi = napi;
	if (castor_write_facts())
		return;
	castor_donate_all();
	napi_disable(napi);
	castor.driver_poll = napi->poll;
	castor.attached = true;                /* first: the destructor reports from now on */
	castor_isolate(castor.nd->name, true); /* before the hypervisor's switch changes */
	rc = hypercall_settled(CASTOR_HC_ATTACH);
	if (rc)
		castor.attached = false;
	else
		WRITE_ONCE(napi->poll, castor_poll);
	napi_enable(napi);
	kick_napi();
	if (rc) {
		castor_isolate(castor.nd->name, false);
		pr_info("castor: the hypervisor does not attach the twin (%ld); its log says why\n",
			rc);
		return;
	}
	add_addresses();
	pr_info("castor: twin of %s attached; %u skbs, %u heads, %u fragments donated\n",
		castor.nd->name, castor.area->given_skb, castor.area->given_head,
		castor.area->given_frag);
}

/* NAPI is scheduled and nobody's here; softirqs are off. */
static bool is_twins(const struct napi_struct *napi)
{
	return test_bit(NAPI_STATE_SCHED, &napi->state) && list_empty(&napi->poll_list) &&
	       !test_bit(NAPI_STATE_SCHED_THREADED, &napi->state);
}

/* Gives the poll function back to the driver; and SCHED, when it is the twin's. */
static void take_napi_back(void)
{
	struct napi_struct *napi = castor.napi;

	local_bh_disable();
	WRITE_ONCE(napi->poll, castor.driver_poll);
	if (is_twins(napi))
		napi_complete_done(napi, 0);
	local_bh_enable();
}

/*
 * As long as somebody waits in napi_disable() no other poll can begin, so SCHED without a place on
 * a list is the dead twin's. Netpoll and busy polling end by themselves.
 */
void castor_free_waiter(void)
{
	struct napi_struct *napi = castor.napi;

	local_bh_disable();
	if (test_bit(CASTOR_DEAD, &castor.flags) && test_bit(NAPI_STATE_DISABLE, &napi->state) &&
	    is_twins(napi))
		napi_complete_done(napi, 0);
	local_bh_enable();
}

static void take_off(void)
{
	const struct castor_counts *c = &castor.counts;
	long rc = hypercall_settled(CASTOR_HC_DETACH);

	castor.attached = false;
	castor_rings_sync(); /* received by the twin: guests have got the groups' frames */
	castor_drain_port();
	castor_isolate(castor.nd->name, false);
	take_napi_back(); /* not before: until now frames from the wire wait in the card's ring */
	castor_hypercall(CASTOR_HC_OPEN, 0, 0);
	pr_info("castor: twin of %s detached (%ld)\n", castor.nd->name, rc);
	pr_info("castor: received %lu, sent for this VM %lu, freed here %lu, upcalls %lu\n",
		c->received, c->freed, c->gone, c->upcalls);
}

void castor_detach(void)
{
	if (!castor.attached)
		return;
	take_off();
	kick_napi();
}

void castor_leave(void)
{
	if (!castor.nd)
		return;
	castor_detach();
	remove_addresses();
	castor_free_gro(castor.nd);
	WRITE_ONCE(castor.nd, NULL);
}

void castor_forgive(void)
{
	deaths = 0;
}

static void count_death(void)
{
	if (!deaths || time_after(jiffies, first_death + DEATHS_WINDOW)) {
		first_death = jiffies;
		deaths = 0;
	}
	if (++deaths > deaths_max) /* until the monitor's `mode twin` */
		pr_warn("castor: the twin died %u times in %lu s: traffic stays on the bridge\n",
			deaths, (jiffies - first_death) / HZ);
}

/*
 * The rings may be half-written, so the driver must set itself up anew, without closing: the
 * interface stays up, its routes and its place in the bridge too. Of the operations that every
 * stock driver offers, ethtool's restart of autonegotiation does that at once, under rtnl_lock, in
 * e1000 (e1000_reinit_locked()) and its younger relatives; ndo_tx_timeout only queues it. Between
 * giving SCHED back and the reset no interrupt may start a poll of the old rings.
 */
static int reset_driver(void)
{
	const struct ethtool_ops *ops = castor.nd->ethtool_ops;
	int irq = dev_is_pci(castor.nd->dev.parent) ? to_pci_dev(castor.nd->dev.parent)->irq : 0;
	int rc = -EOPNOTSUPP;

	if (irq)
		disable_irq(irq);
	if (castor.attached)
		take_off();
	if (!netif_running(castor.nd))
		rc = 0; /* it closed meanwhile and starts anew at its next open */
	else if (ops && ops->nway_reset)
		rc = ops->nway_reset(castor.nd);
	if (irq)
		enable_irq(irq);
	return rc;
}

/* The hypervisor found the rings whole, so this VM's driver goes on with them. */
static int hand_over(void)
{
	castor_detach();
	return 0;
}

void castor_recover(void)
{
	int rc;

	count_death();
	if (!castor.nd) { /* the driver went with its interface: nothing to reset */
		castor_hypercall(CASTOR_HC_RESET_DONE, 1, 0);
		return;
	}
	rc = READ_ONCE(castor.area->rings_whole) ? hand_over() : reset_driver();
	castor_hypercall(CASTOR_HC_RESET_DONE, rc == 0, deaths > deaths_max);
	if (rc) {
		pr_warn("castor: %s cannot reset itself (%d)\n", castor.nd->name, rc);
		deaths = deaths_max + 1;
	}
}
