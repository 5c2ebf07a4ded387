/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ARP's and IPv4's senders. */
#include "net/identity.h"

#include "lib/string.h"

#define ARP_BYTES      28U /* RFC 826 for Ethernet and IPv4 */
#define ARP_SIZES      0x0604
#define ARP_SENDER_MAC 8
#define ARP_SENDER_IP  14
#define IP4_HLEN_MIN   20U
#define IP4_SOURCE     12
#define SRC_MAC        6

static bool is_own(uint32_t sender, uint32_t ip)
{
	return !ip || sender == ip || !sender;
}

/* Of other sizes than Ethernet's and IPv4's no receiver here takes one. */
static bool arp_holds(const struct packet *pkt, uint32_t l3, uint32_t ip)
{
	const uint8_t *arp = pkt->head + l3;

	return pkt->head_len >= l3 + ARP_BYTES && get_be16(arp + 4) == ARP_SIZES &&
	       memcmp(arp + ARP_SENDER_MAC, pkt->head + SRC_MAC, 6) == 0 &&
	       is_own(get_be32(arp + ARP_SENDER_IP), ip);
}

bool identity_holds(const struct packet *pkt, uint32_t ip)
{
	uint16_t ethertype, l3 = packet_l3(pkt, &ethertype);

	switch (ethertype) {
	case ETHERTYPE_ARP:
		return arp_holds(pkt, l3, ip);
	case ETHERTYPE_IP4:
		return !ip || (pkt->head_len >= l3 + IP4_HLEN_MIN &&
			       is_own(get_be32(pkt->head + l3 + IP4_SOURCE), ip));
	case ETHERTYPE_VLAN:
	case ETHERTYPE_VLAN_AD:
		return !ip;
	default:
		return true;
	}
}
