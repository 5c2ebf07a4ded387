/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/tx_csum.h"

#include "lwip/prot/ethernet.h"
#include "lwip/prot/ip.h"
#include "lwip/prot/ip4.h"

#include <string.h>

#define TCP_CSUM_OFFSET  16
#define TCP_HEADER_BYTES 20
#define UDP_CSUM_OFFSET  6
#define UDP_HEADER_BYTES 8

/* RFC 793 3.1: addresses, protocol, length of the TCP or UDP part. Network order in and out. */
static uint16_t pseudo_sum(const struct ip_hdr *ip, uint16_t length)
{
	uint64_t sum = (uint64_t)ip->src.addr + ip->dest.addr + lwip_htons(IPH_PROTO(ip)) +
		       lwip_htons(length);

	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

struct virtio_net_csum tx_csum_prepare(struct pbuf *frame)
{
	const struct eth_hdr *eth = frame->payload;
	const struct ip_hdr *ip = (const void *)(eth + 1);
	struct virtio_net_csum csum = { 0 };
	uint16_t header, sum;

	if (frame->len < SIZEOF_ETH_HDR + IP_HLEN || eth->type != PP_HTONS(ETHTYPE_IP) ||
	    (IPH_OFFSET(ip) & PP_HTONS(IP_MF | IP_OFFMASK)))
		return csum;
	csum.start = (uint16_t)(SIZEOF_ETH_HDR + IPH_HL_BYTES(ip));
	if (IPH_PROTO(ip) == IP_PROTO_TCP) {
		csum.offset = TCP_CSUM_OFFSET;
		header = TCP_HEADER_BYTES;
	} else if (IPH_PROTO(ip) == IP_PROTO_UDP) {
		csum.offset = UDP_CSUM_OFFSET;
		header = UDP_HEADER_BYTES;
	} else {
		return csum;
	}
	/* lwIP builds all headers in the first pbuf; a frame built otherwise cannot be handled. */
	LWIP_ASSERT("headers in one pbuf", frame->len >= csum.start + header);
	sum = pseudo_sum(ip, (uint16_t)(lwip_ntohs(IPH_LEN(ip)) - IPH_HL_BYTES(ip)));
	memcpy((uint8_t *)frame->payload + csum.start + csum.offset, &sum, sizeof(sum));
	csum.needed = true;
	return csum;
}
