// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bridge in this VM.
 *
 * Loop protection (R13). While the twin is attached the hypervisor's switch carries frames between
 * the wire and its ports, so this VM's bridge must not do it too: both of its ports are isolated
 * (they talk to the bridge itself, not to each other). It is the bridge's own netlink operation
 * that is called, with the message that `bridge link set` would send.
 *
 * Order decides: the ports are isolated before the twin becomes the uplink, and opened only when
 * nothing that the twin has already carried can pass the bridge any more. Frames that meet closed
 * ports meanwhile are lost, none is doubled.
 */
#include "castor.h"

#include <linux/delay.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <net/netlink.h>

#define DRAIN_TRIES 500
/* One in the linear part of an skb, the others in its fragments; received frames of one piece. */
#define GRO_SEGMENTS (MAX_SKB_FRAGS + 1)

static char *port = "v0";
module_param(port, charp, 0444);
MODULE_PARM_DESC(port, "the virtio card in the same bridge");

static unsigned int gro_before; /* the interface's own limit; 0: it has that */

static struct sk_buff *make_message(const struct net_device *nd, bool on)
{
	struct sk_buff *msg = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	struct nlmsghdr *head;
	struct ifinfomsg *info;
	struct nlattr *nest;

	if (!msg)
		return NULL;
	head = nlmsg_put(msg, 0, 0, RTM_SETLINK, sizeof(*info), 0);
	info = nlmsg_data(head);
	memset(info, 0, sizeof(*info));
	info->ifi_family = AF_BRIDGE;
	info->ifi_index = nd->ifindex;
	nest = nla_nest_start(msg, IFLA_PROTINFO);
	nla_put_u8(msg, IFLA_BRPORT_ISOLATED, on);
	nla_nest_end(msg, nest);
	nlmsg_end(msg, head);
	return msg;
}

static void isolate_one(const char *name, bool on)
{
	struct net_device *nd = __dev_get_by_name(&init_net, name), *br;
	struct netlink_ext_ack extack = {};
	struct sk_buff *msg;
	int rc = -ENOMEM;

	if (!nd || !netif_is_bridge_port(nd))
		return;
	br = netdev_master_upper_dev_get(nd);
	if (!br || !br->netdev_ops->ndo_bridge_setlink)
		return;
	msg = make_message(nd, on);
	if (msg)
		rc = br->netdev_ops->ndo_bridge_setlink(nd, nlmsg_hdr(msg), 0, &extack);
	kfree_skb(msg);
	if (rc)
		pr_warn("castor: bridge port %s cannot be %s (%d)\n", name,
			on ? "isolated" : "opened", rc);
}

/*
 * The virtio card may hold groups' frames that the hypervisor sent to the wire as well: this VM's
 * stack gets them now. The first poll after the switch's change finds all of them; the bound is
 * for guests that fill the ring faster than it is emptied, where they are gone long before.
 */
void castor_drain_port(void)
{
	struct net_device *nd = __dev_get_by_name(&init_net, port);
	struct napi_struct *napi;
	int i;

	if (!nd || !netif_running(nd))
		return;
	list_for_each_entry(napi, &nd->napi_list, dev_list)
	{
		local_bh_disable();
		napi_schedule(napi);
		local_bh_enable();
		for (i = 0; i < DRAIN_TRIES && test_bit(NAPI_STATE_SCHED, &napi->state); i++)
			usleep_range(500, 1000);
	}
}

void castor_isolate(const char *dev, bool on)
{
	isolate_one(dev, on);
	isolate_one(port, on);
}

/*
 * What GRO merges goes on to the virtio card, whose driver takes no list of skbs (NETIF_F_FRAGLIST)
 * and has what needs one cut by the kernel, mostly down to the segments that came in. So GRO stops
 * when an skb's fragments are full.
 */
void castor_limit_gro(struct net_device *nd)
{
	if (!gro_before)
		gro_before = nd->gro_max_size;
	WRITE_ONCE(nd->gro_max_size, min(gro_before, nd->mtu * GRO_SEGMENTS));
}

void castor_free_gro(struct net_device *nd)
{
	if (gro_before)
		WRITE_ONCE(nd->gro_max_size, gro_before);
	gro_before = 0;
}
