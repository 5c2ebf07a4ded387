// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * castor: the hypervisor's agent in the driver VM. It tells where the kernel and the driver
 * module have things, attaches and detaches the twin with the interface, donates buffers, runs
 * upcalls, and takes over when the twin died.
 *
 * Contexts: attach and detach run under rtnl_lock in process context; the interrupt handler runs
 * upcalls at once and leaves the rings to a HI tasklet; everything slow is a work item.
 */
#include "castor.h"

#include <linux/interrupt.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/rtnetlink.h>

#define KILL_BUDGET 3 /* new attachments after a death ... */
#define KILL_WINDOW (600 * HZ)
#define RESET_MS    1000

static char *dev = "eth0";
module_param(dev, charp, 0444);
MODULE_PARM_DESC(dev, "interface whose driver has a twin");
static char *port = "v0";
module_param(port, charp, 0444);
MODULE_PARM_DESC(port, "the virtio card in the same bridge");

struct castor castor;

static void attach_work(struct work_struct *work);
static void killed_work(struct work_struct *work);
static void reset_work(struct work_struct *work);
static DECLARE_WORK(work_attach, attach_work);
static DECLARE_WORK(work_killed, killed_work);
static DECLARE_DELAYED_WORK(work_reset, reset_work);

/*
 * While both are isolated the bridge forwards nothing between them: the switch has that way
 * (R13).
 */
static void set_isolated(bool on)
{
	static char script[160];
	static char *argv[] = { "/bin/sh", "-c", script, NULL };
	static char *envp[] = { "PATH=/bin:/sbin", NULL };

	snprintf(script, sizeof(script),
		 "for c in %s %s; do f=/sys/class/net/$c/brport/isolated; "
		 "[ ! -e $f ] || echo %d >$f; done",
		 dev, port, on);
	call_usermodehelper(argv[0], argv, envp, UMH_NO_WAIT);
}

static void set_addresses(bool add)
{
	u32 i, n = min_t(u32, castor.area->uc_count, CASTOR_UC_MAX);

	for (i = 0; i < n; i++) {
		if (add)
			dev_uc_add(castor.nd, castor.area->uc[i]);
		else
			dev_uc_del(castor.nd, castor.area->uc[i]);
	}
}

/*
 * Stands in for the driver's poll function while the twin is attached: the softirq of this VM
 * owns NAPI and lends it to the twin for one poll. If the twin dies in it, the driver's own
 * function goes on.
 */
static int castor_poll(struct napi_struct *napi, int budget)
{
	castor.area->poll_result = -EIO;
	castor_hypercall(CASTOR_HC_POLL, budget, 0);
	if (castor.area->poll_result < 0)
		return castor.driver_poll(napi, budget);
	return min_t(s64, castor.area->poll_result, budget);
}

static void kick_napi(void)
{
	local_bh_disable();
	napi_schedule(castor.napi);
	local_bh_enable();
}

/* rtnl_lock held. NAPI is ours around the swap, so neither side polls meanwhile (R9). */
static void attach(void)
{
	long rc;

	if (castor.attached || !castor.nd || !netif_running(castor.nd) ||
	    !READ_ONCE(castor.area->want_attached))
		return;
	castor.napi = list_first_entry_or_null(&castor.nd->napi_list, struct napi_struct, dev_list);
	if (!castor.napi || castor_write_facts())
		return;
	castor_donate(GFP_KERNEL);
	napi_disable(castor.napi);
	rc = castor_hypercall(CASTOR_HC_ATTACH, 0, 0);
	if (!rc) {
		castor.driver_poll = castor.napi->poll;
		WRITE_ONCE(castor.napi->poll, castor_poll);
		castor.attached = true;
	}
	napi_enable(castor.napi);
	if (rc) {
		pr_info("castor: the hypervisor refuses to attach the twin (%ld)\n", rc);
		return;
	}
	set_addresses(true);
	set_isolated(true);
	kick_napi();
	pr_info("castor: twin of %s attached\n", dev);
}

/* rtnl_lock held, the twin alive. */
static void detach(void)
{
	if (!castor.attached)
		return;
	napi_disable(castor.napi);
	castor_hypercall(CASTOR_HC_DETACH, 0, 0);
	WRITE_ONCE(castor.napi->poll, castor.driver_poll);
	castor.attached = false;
	napi_enable(castor.napi);
	set_addresses(false);
	set_isolated(false);
	local_bh_disable();
	castor_drain();
	local_bh_enable();
	kick_napi();
	pr_info("castor: twin of %s detached\n", dev);
}

static void attach_work(struct work_struct *work)
{
	rtnl_lock();
	if (castor.nd) {
		if (READ_ONCE(castor.area->want_attached))
			attach();
		else
			detach();
	}
	rtnl_unlock();
}

/*
 * The twin died (R19). It may have owned NAPI: that is given up here. The rings may be
 * half-written, so the driver resets itself; its own transmit-timeout handler does just that,
 * without closing the device.
 */
static void killed_work(struct work_struct *work)
{
	rtnl_lock();
	if (castor.attached && castor.nd) {
		castor.attached = false;
		WRITE_ONCE(castor.napi->poll, castor.driver_poll);
		set_addresses(false);
		set_isolated(false);
		local_bh_disable();
		castor_drain();
		if (test_bit(NAPI_STATE_SCHED, &castor.napi->state))
			napi_complete_done(castor.napi, 0);
		local_bh_enable();
		if (castor.nd->netdev_ops->ndo_tx_timeout)
			castor.nd->netdev_ops->ndo_tx_timeout(castor.nd, 0);
		schedule_delayed_work(&work_reset, msecs_to_jiffies(RESET_MS));
	}
	rtnl_unlock();
}

static void reset_work(struct work_struct *work)
{
	static unsigned long first;
	static unsigned int deaths;

	castor_hypercall(CASTOR_HC_RESET_DONE, 1, 0);
	castor_hypercall(CASTOR_HC_DETACH, 0, 0);
	if (!deaths || time_after(jiffies, first + KILL_WINDOW)) {
		first = jiffies;
		deaths = 0;
	}
	if (++deaths > KILL_BUDGET) {
		pr_warn("castor: the twin died %u times; traffic stays on the bridge\n", deaths);
		return;
	}
	schedule_work(&work_attach);
}

static irqreturn_t castor_interrupt(int irq, void *data)
{
	u32 events = castor_hypercall(CASTOR_HC_EVENTS, 0, 0);

	if (!events)
		return IRQ_NONE;
	if (events & CASTOR_EVENT_UPCALL)
		castor_run_upcall();
	if (events & (CASTOR_EVENT_RINGS | CASTOR_EVENT_WAKE)) {
		castor.wake |= events & CASTOR_EVENT_WAKE;
		tasklet_hi_schedule(&castor.tasklet);
	}
	if (events & CASTOR_EVENT_KILLED)
		schedule_work(&work_killed);
	if (events & CASTOR_EVENT_MODE)
		schedule_work(&work_attach);
	return IRQ_HANDLED;
}

static int netdev_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *nd = netdev_notifier_info_to_dev(ptr);

	if (strcmp(nd->name, dev) || !net_eq(dev_net(nd), &init_net))
		return NOTIFY_DONE;
	if (event == NETDEV_UP) {
		castor.nd = nd;
		schedule_work(&work_attach);
	} else if (event == NETDEV_GOING_DOWN && nd == castor.nd) {
		detach();
	} else if (event == NETDEV_UNREGISTER && nd == castor.nd) {
		castor.nd = NULL;
	}
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = netdev_event };

static int castor_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int rc = pci_enable_device(pdev);

	if (rc)
		return rc;
	rc = castor_area_init();
	if (rc)
		goto disable;
	rc = request_irq(pdev->irq, castor_interrupt, IRQF_SHARED, "castor", &castor);
	if (rc)
		goto area;
	castor.irq = pdev->irq;
	/* Replays NETDEV_REGISTER and NETDEV_UP of the interfaces that are there. */
	rc = register_netdevice_notifier(&notifier);
	if (rc)
		goto irq;
	return 0;
irq:
	free_irq(castor.irq, &castor);
area:
	castor_area_free();
disable:
	pci_disable_device(pdev);
	return rc;
}

static void castor_remove(struct pci_dev *pdev)
{
	unregister_netdevice_notifier(&notifier); /* replays GOING_DOWN: detaches */
	cancel_work_sync(&work_killed);
	cancel_delayed_work_sync(&work_reset);
	cancel_work_sync(&work_attach);
	rtnl_lock();
	detach();
	rtnl_unlock();
	local_bh_disable();
	while (castor_hypercall(CASTOR_HC_RETURN, 0, 0) > 0)
		castor_drain();
	castor_drain();
	local_bh_enable();
	castor_hypercall(CASTOR_HC_BYE, 0, 0);
	free_irq(castor.irq, &castor);
	tasklet_kill(&castor.tasklet);
	castor_area_free();
	pci_disable_device(pdev);
}

static const struct pci_device_id ids[] = { { PCI_DEVICE(CASTOR_PCI_VENDOR, CASTOR_PCI_DEVICE) },
					    {} };
MODULE_DEVICE_TABLE(pci, ids);

static struct pci_driver castor_driver = {
	.name = "castor",
	.id_table = ids,
	.probe = castor_probe,
	.remove = castor_remove,
};
module_pci_driver(castor_driver);

MODULE_DESCRIPTION("Agent of the Pollux hypervisor for twin drivers");
MODULE_LICENSE("GPL");
