/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checksum of a short received UDP datagram. */
#include "net/udp_sum.h"

#include "net/offload.h"

#define IP4_HLEN     20U
#define IP4_LEN      2
#define IP4_FLAGS    6
#define IP4_PROTO    9
#define IP4_ADDRS    12
#define IP4_FRAGMENT 0x3fff
#define IPPROTO_UDP  17

#define UDP_HLEN 8U
#define UDP_LEN  4
#define UDP_CSUM 6

bool udp_sum_holds(const struct packet *pkt)
{
	uint16_t ethertype, l3 = packet_l3(pkt, &ethertype);
	const uint8_t *ip = pkt->head + l3, *udp = ip + IP4_HLEN;
	struct csum c = { 0 };
	uint32_t len;

	if (pkt->head_len != pkt->len || ethertype != ETHERTYPE_IP4 ||
	    pkt->len < l3 + IP4_HLEN + UDP_HLEN || ip[0] != 0x45 || ip[IP4_PROTO] != IPPROTO_UDP ||
	    get_be16(ip + IP4_FLAGS) & IP4_FRAGMENT)
		return false;
	len = get_be16(udp + UDP_LEN);
	/* IP's length, too, or the receiver would see another datagram than is summed up here. */
	if (len < UDP_HLEN || len > pkt->len - l3 - IP4_HLEN ||
	    get_be16(ip + IP4_LEN) != IP4_HLEN + len || !get_be16(udp + UDP_CSUM))
		return false;
	csum_add_word(&c, __builtin_bswap32(IPPROTO_UDP << 16 | len));
	csum_add_header(&c, ip + IP4_ADDRS, 8);
	csum_add_word(&c, csum_bytes(udp, len));
	return csum_fold(&c) == 0xffff;
}
