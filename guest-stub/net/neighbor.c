/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/neighbor.h"
#include "net/netif.h"

#include "lwip/etharp.h"

bool neighbor_known(const ip_addr_t *addr)
{
	struct netif *n = stub_netif();
	const ip4_addr_t *hop = ip_2_ip4(addr), *found_ip;
	struct eth_addr *found_mac;

	if (!ip4_addr_netcmp(hop, netif_ip4_addr(n), netif_ip4_netmask(n)))
		hop = netif_ip4_gw(n);
	if (etharp_find_addr(n, hop, &found_mac, &found_ip) >= 0)
		return true;
	etharp_query(n, hop, NULL);
	return false;
}
