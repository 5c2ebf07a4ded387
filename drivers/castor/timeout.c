// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A test hook: what the kernel's watchdog calls when a transmit queue stands still, under the same
 * lock. The driver queues its reset task, as for a card that hangs, which the emulator's does not.
 *     echo 1 > /sys/module/castor/parameters/tx_timeout
 */
#include "castor.h"

#include <linux/module.h>
#include <linux/rtnetlink.h>

static int timeout_set(const char *text, const struct kernel_param *param)
{
	struct net_device *nd;
	int rc = -ENODEV;

	rtnl_lock();
	nd = castor.nd;
	if (nd && netif_running(nd) && nd->netdev_ops->ndo_tx_timeout) {
		netif_tx_lock_bh(nd);
		nd->netdev_ops->ndo_tx_timeout(nd, 0);
		netif_tx_unlock_bh(nd);
		rc = 0;
	}
	rtnl_unlock();
	return rc;
}

static const struct kernel_param_ops timeout_ops = { .set = timeout_set };
module_param_cb(tx_timeout, &timeout_ops, NULL, 0200);
MODULE_PARM_DESC(tx_timeout, "for tests: any text; the driver is told that its queue stands still");
