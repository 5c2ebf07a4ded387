/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/netif.h"
#include "apps/words.h"
#include "cpu/idt.h"
#include "lib/print.h"
#include "net/tx_csum.h"
#include "virtio/virtio_net.h"

#include "lwip/dhcp.h"
#include "lwip/etharp.h"
#include "netif/ethernet.h"

#define MTU_MAX 1500 /* what lwIP's TCP_MSS is for */

static struct netif netif;
static u16_t chksum_flags; /* for a frame the device says nothing about */
static uint64_t config_irqs_seen;

struct netif *stub_netif(void)
{
	return &netif;
}

static err_t link_output(struct netif *n, struct pbuf *frame)
{
	struct virtio_net_csum csum = { 0 };

	(void)n;
	if (virtio_net_has_tx_csum())
		csum = tx_csum_prepare(frame);
	return virtio_net_send(frame, csum);
}

/*
 * The flags are per interface, the device's word is per frame; input runs to completion, so
 * setting them around the call is enough.
 */
static void receive(struct pbuf *frame, bool csum_ok)
{
	u16_t flags = chksum_flags;

	if (csum_ok)
		flags &= (u16_t) ~(NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP);
	NETIF_SET_CHECKSUM_CTRL(&netif, flags);
	if (netif.input(frame, &netif) != ERR_OK)
		pbuf_free(frame);
	NETIF_SET_CHECKSUM_CTRL(&netif, chksum_flags);
}

static err_t netif_setup(struct netif *n)
{
	uint16_t mtu = virtio_net_mtu();

	n->name[0] = 'v';
	n->name[1] = 'n';
	n->mtu = mtu < MTU_MAX ? mtu : MTU_MAX;
	n->hwaddr_len = ETH_HWADDR_LEN;
	virtio_net_mac(n->hwaddr);
	n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
	n->output = etharp_output;
	n->linkoutput = link_output;
	chksum_flags = NETIF_CHECKSUM_ENABLE_ALL;
	if (virtio_net_has_tx_csum())
		chksum_flags &= (u16_t) ~(NETIF_CHECKSUM_GEN_TCP | NETIF_CHECKSUM_GEN_UDP);
	NETIF_SET_CHECKSUM_CTRL(n, chksum_flags);
	return ERR_OK;
}

static void link_update(void)
{
	bool up = virtio_net_link_up();

	if (up == (bool)netif_is_link_up(&netif))
		return;
	if (up)
		netif_set_link_up(&netif);
	else
		netif_set_link_down(&netif);
	print("net: link=%s\n", up ? "up" : "down");
}

void stub_netif_check_link(void)
{
	uint64_t irqs = irq_counts.net_config;

	if (irqs == config_irqs_seen && virtio_net_has_irq())
		return;
	config_irqs_seen = irqs;
	link_update();
}

static void address_changed(struct netif *n)
{
	char ip[IP4ADDR_STRLEN_MAX], gw[IP4ADDR_STRLEN_MAX];

	if (ip4_addr_isany(netif_ip4_addr(n)))
		return;
	ip4addr_ntoa_r(netif_ip4_addr(n), ip, sizeof(ip));
	ip4addr_ntoa_r(netif_ip4_gw(n), gw, sizeof(gw));
	print("net: ip=%s gw=%s mtu=%u\n", ip, gw, n->mtu);
}

bool stub_netif_init(const struct settings *settings)
{
	ip4_addr_t ip = { settings->ip }, gw = { settings->gw }, mask;
	const uint8_t *mac = netif.hwaddr;

	if (!virtio_net_init(receive))
		return false;
	mask.addr = settings->prefix ? lwip_htonl(~0u << (32 - settings->prefix)) : 0;
	netif_add(&netif, &ip, &mask, &gw, NULL, netif_setup, ethernet_input);
	netif_set_status_callback(&netif, address_changed);
	print("net: mac=%02x:%02x:%02x:%02x:%02x:%02x features=0x%lx irq=%s\n", mac[0], mac[1],
	      mac[2], mac[3], mac[4], mac[5], virtio_net_features(),
	      virtio_net_has_irq() ? "msi-x" : "polled");
	netif_set_default(&netif);
	netif_set_up(&netif);
	link_update();
	if (settings->dhcp && dhcp_start(&netif) != ERR_OK)
		print("net: error dhcp does not start\n");
	return true;
}

bool stub_netif_ready(void)
{
	return netif_is_link_up(&netif) && !ip4_addr_isany(netif_ip4_addr(&netif));
}
