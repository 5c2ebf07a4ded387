// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Does what a driver's reset does, slowly: takes the rtnl_lock, and after a while waits until
 * nobody polls the card any more.
 *     insmod hold.ko ms=500
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>

static char *dev = "eth0";
module_param(dev, charp, 0);
MODULE_PARM_DESC(dev, "interface");

static unsigned int ms = 500;
module_param(ms, uint, 0);
MODULE_PARM_DESC(ms, "how long the lock is held before");

static void wait_for_polls(struct napi_struct *napi)
{
	napi_disable(napi);
	napi_enable(napi);
	local_bh_disable();
	napi_schedule(napi); /* what arrived meanwhile */
	local_bh_enable();
}

static int __init hold_init(void)
{
	struct net_device *nd;
	int rc = -ENODEV;

	rtnl_lock();
	nd = __dev_get_by_name(&init_net, dev);
	if (nd && !list_empty(&nd->napi_list)) {
		pr_info("hold: has the rtnl_lock\n");
		msleep(ms);
		wait_for_polls(list_first_entry(&nd->napi_list, struct napi_struct, dev_list));
		rc = 0;
	}
	rtnl_unlock();
	return rc;
}
module_init(hold_init);

static void __exit hold_exit(void)
{
}
module_exit(hold_exit);

MODULE_DESCRIPTION("Waits for the end of polls with the rtnl_lock held, for tests");
MODULE_LICENSE("GPL");
