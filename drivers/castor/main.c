// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * castor: the hypervisor's agent in the driver VM. It tells where the kernel and the driver module
 * have things, attaches and detaches the twin with the interface, donates buffers, runs upcalls,
 * and takes over when the twin died. This file: the PCI device, its interrupt, and what happens to
 * the interface. Contexts: castor.h.
 */
#include "castor.h"

#include <linux/module.h>
#include <linux/panic_notifier.h>
#include <linux/rtnetlink.h>

static char *dev = "eth0";
module_param(dev, charp, 0444);
MODULE_PARM_DESC(dev, "interface whose driver has a twin");

struct castor castor;

static void change_state(struct work_struct *work);
static DECLARE_WORK(work_state, change_state);
static void say_alive(struct work_struct *work);
static DECLARE_WORK(work_alive, say_alive);
static void free_waiter(struct work_struct *work);
static DECLARE_DELAYED_WORK(work_waiter, free_waiter);

/*
 * That this runs at all is the message: softirqs end, and processes get the CPU. No lock: whoever
 * waits for one is alive.
 */
static void say_alive(struct work_struct *work)
{
	castor_hypercall(CASTOR_HC_ALIVE, 0, 0);
}

/* The hypervisor waits for that. What comes meanwhile has this work item run once more. */
static void say_settled(void)
{
	unsigned long flags;

	local_irq_save(flags);
	if (!(READ_ONCE(castor.flags) & (BIT(CASTOR_DEAD) | BIT(CASTOR_MODE) | BIT(CASTOR_UP))))
		castor_hypercall(CASTOR_HC_SETTLED, 0, 0);
	local_irq_restore(flags);
}

/* Brings the attachment to what is wanted; everything slow that an event asks for. */
static void change_state(struct work_struct *work)
{
	rtnl_lock();
	clear_bit(CASTOR_UP, &castor.flags);
	if (test_and_clear_bit(CASTOR_MODE, &castor.flags))
		castor_forgive();
	if (test_and_clear_bit(CASTOR_DEAD, &castor.flags))
		castor_recover();
	if (!READ_ONCE(castor.area->want_attached))
		castor_detach();
	else
		castor_attach();
	rtnl_unlock();
	say_settled();
}

/*
 * The recovery needs rtnl_lock, and whoever has that may wait for a poll that the twin did not live
 * to end: until the recovery has its turn.
 */
static void free_waiter(struct work_struct *work)
{
	rcu_read_lock(); /* an interface that goes is forgotten before it is freed */
	if (READ_ONCE(castor.nd) && READ_ONCE(castor.attached))
		castor_free_waiter();
	rcu_read_unlock();
	if (test_bit(CASTOR_DEAD, &castor.flags))
		schedule_delayed_work(&work_waiter, 1);
}

/*
 * Reading the events lowers the pin, which rises with the next one. Several in one; an upcall goes
 * first, since the twin waits for it.
 */
static irqreturn_t castor_interrupt(int irq, void *data)
{
	u32 events = castor_hypercall(CASTOR_HC_EVENTS, 0, 0);

	if (!events)
		return IRQ_NONE;
	if (events & CASTOR_EVENT_WAKE)
		set_bit(CASTOR_WAKE, &castor.flags);
	if (events & CASTOR_EVENT_KILLED)
		set_bit(CASTOR_DEAD, &castor.flags);
	if (events & CASTOR_EVENT_MODE)
		set_bit(CASTOR_MODE, &castor.flags);
	if (events & (CASTOR_EVENT_KILLED | CASTOR_EVENT_MODE))
		schedule_work(&work_state);
	if (events & CASTOR_EVENT_KILLED)
		schedule_delayed_work(&work_waiter, 0);
	if (events & CASTOR_EVENT_ALIVE)
		schedule_work(&work_alive);
	if (events & (CASTOR_EVENT_RINGS | CASTOR_EVENT_WAKE))
		castor_rings_schedule();
	if (events & CASTOR_EVENT_UPCALL)
		castor_upcall_interrupt();
	return IRQ_HANDLED;
}

/* No reference to the interface is held: it would keep the driver from being unloaded. */
static int netdev_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *nd = netdev_notifier_info_to_dev(ptr);

	if (event == NETDEV_UP && net_eq(dev_net(nd), &init_net) && !strcmp(nd->name, dev)) {
		WRITE_ONCE(castor.nd, nd);
		set_bit(CASTOR_UP, &castor.flags);
		castor_limit_gro(nd);
		castor_hypercall(CASTOR_HC_LINK, 1, 0);
		schedule_work(&work_state);
	} else if (event == NETDEV_CHANGEUPPER && castor.attached) {
		castor_isolate(castor.nd->name, true); /* it may have entered a bridge */
	} else if (nd == castor.nd && event == NETDEV_CHANGEMTU) {
		castor_limit_gro(nd);
	} else if (nd == castor.nd && event == NETDEV_CHANGE && castor.attached) {
		castor_hypercall(CASTOR_HC_RINGS, 0, 0); /* carrier: frames wait for it */
	} else if (nd == castor.nd && event == NETDEV_GOING_DOWN) {
		castor_detach();
	} else if (nd == castor.nd && event == NETDEV_DOWN && !netif_running(nd)) {
		castor_hypercall(CASTOR_HC_LINK, 0, 0); /* not what our own end replays */
	} else if (nd == castor.nd && event == NETDEV_UNREGISTER) {
		castor_leave();
		castor_rings_sync(); /* the tasklet has done with it */
	}
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = netdev_event };

/*
 * Last words. Any context; the hypervisor ends this VM, so that the call does not come back. Before
 * others' notifiers: who knows what still works.
 */
static int panic_event(struct notifier_block *nb, unsigned long event, void *text)
{
	strscpy(castor.area->panic, text, sizeof(castor.area->panic));
	castor_hypercall(CASTOR_HC_PANIC, 0, 0);
	return NOTIFY_DONE;
}

static struct notifier_block panic_notifier = { .notifier_call = panic_event, .priority = INT_MAX };

static int castor_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int rc = pci_enable_device(pdev);

	if (rc)
		return rc;
	castor_upcall_init();
	rc = castor_area_init();
	if (rc)
		goto disable;
	rc = castor_rings_init();
	if (rc)
		goto area;
	rc = request_irq(pdev->irq, castor_interrupt, IRQF_SHARED, "castor", &castor);
	if (rc)
		goto rings;
	/* Replays NETDEV_UP of the interfaces that are up already. */
	rc = register_netdevice_notifier(&notifier);
	if (rc)
		goto irq;
	atomic_notifier_chain_register(&panic_notifier_list, &panic_notifier);
	pr_info("castor: agent ready, interface %s\n", dev);
	return 0;
irq:
	free_irq(pdev->irq, &castor);
rings:
	castor_rings_stop();
area:
	castor_area_free();
disable:
	pci_disable_device(pdev);
	return rc;
}

/* At power-off too: the next kernel finds the card as the driver left it. */
static void let_go(void)
{
	rtnl_lock();
	castor_leave();
	rtnl_unlock();
}

static void castor_remove(struct pci_dev *pdev)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &panic_notifier);
	unregister_netdevice_notifier(&notifier); /* replays GOING_DOWN and UNREGISTER */
	let_go();
	free_irq(pdev->irq, &castor);
	cancel_work_sync(&work_state); /* without an interface it does nothing */
	cancel_work_sync(&work_alive);
	cancel_delayed_work_sync(&work_waiter);
	castor_upcall_exit();
	castor_rings_exit();
	castor_repage_exit();
	castor_area_free();
	pci_disable_device(pdev);
}

static void castor_shutdown(struct pci_dev *pdev)
{
	let_go();
}

static const struct pci_device_id ids[] = { { PCI_DEVICE(CASTOR_PCI_VENDOR, CASTOR_PCI_DEVICE) },
					    {} };
MODULE_DEVICE_TABLE(pci, ids);

static struct pci_driver castor_driver = {
	.name = "castor",
	.id_table = ids,
	.probe = castor_probe,
	.remove = castor_remove,
	.shutdown = castor_shutdown,
};
module_pci_driver(castor_driver);

MODULE_DESCRIPTION("Agent of the Pollux hypervisor for twin drivers");
MODULE_LICENSE("GPL");
