/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames judged by their own bytes. */
#include "tally.h"

#include <string.h>

#define PERIOD  0x20000u
#define ETH     14u
#define TCP     6
#define UDP     17
#define PSH     8
#define IP4_MIN 20u
#define IP6     40u

static uint8_t pattern[PERIOD + TALLY_BODY_MAX];

const uint8_t *tally_pattern(uint32_t at)
{
	if (!pattern[1])
		for (uint32_t i = 0; i < sizeof(pattern); i++)
			pattern[i] = (uint8_t)((i % PERIOD * 2654435761u) >> 24);
	return pattern + at % PERIOD;
}

static uint32_t be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
	return be16(p) << 16 | be16(p + 2);
}

uint32_t tally_sum(uint32_t sum, const uint8_t *p, uint32_t len)
{
	uint64_t s = sum;

	for (uint32_t i = 0; i + 1 < len; i += 2)
		s += be16(p + i);
	if (len % 2)
		s += (uint32_t)p[len - 1] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint32_t)s;
}

uint32_t tally_pseudo_sum(const uint8_t *ip, uint8_t protocol, uint32_t len)
{
	bool four = ip[0] >> 4 == 4;
	uint8_t tail[8] = {
		0, (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len, 0, 0, 0, protocol
	};

	return tally_sum(tally_sum(0, ip + (four ? 12 : 8), four ? 8 : 32), tail, sizeof(tail));
}

/* Where the packet's TCP or UDP begins and ends; false: it is none, or its IP header is wrong. */
static bool find(const uint8_t *ip, uint32_t len, uint32_t *l4, uint32_t *end, uint8_t *protocol)
{
	if (len >= IP4_MIN && ip[0] >> 4 == 4) {
		*l4 = (ip[0] & 15) * 4;
		*end = be16(ip + 2);
		*protocol = ip[9];
		return *l4 >= IP4_MIN && *end <= len && *l4 <= *end &&
		       tally_sum(0, ip, *l4) == 0xffff;
	}
	if (len < IP6)
		return false;
	*l4 = IP6;
	*end = IP6 + be16(ip + 4);
	*protocol = ip[6];
	return ip[0] >> 4 == 6 && *end <= len;
}

static bool tcp_holds(struct tally *t, const uint8_t *tcp, uint32_t len, bool partial)
{
	uint32_t hlen = (tcp[12] >> 4) * 4, size = be16(tcp + 18), bytes;

	if (hlen < 20 || hlen > len || !size)
		return false;
	bytes = len - hlen;
	t->bytes += bytes;
	t->ends += (tcp[13] & PSH) != 0;
	t->frames += partial && bytes ? (bytes + size - 1) / size : 1;
	return (partial || bytes <= size) &&
	       memcmp(tcp + hlen, tally_pattern(be32(tcp + 4)), bytes) == 0;
}

static bool udp_holds(struct tally *t, const uint8_t *udp, uint32_t len)
{
	t->frames++;
	t->ends++;
	t->bytes += len - 8;
	return be16(udp + 4) == len && be16(udp + 6) && /* 0: none */
	       memcmp(udp + 8, tally_pattern(be32(udp)), len - 8) == 0;
}

static bool holds(struct tally *t, const uint8_t *ip, uint32_t ip_len, bool partial)
{
	uint32_t l4, end, len, pseudo, sum;
	uint8_t protocol;

	if (!find(ip, ip_len, &l4, &end, &protocol))
		return false;
	len = end - l4;
	if (len < (protocol == TCP ? 20 : 8) || (protocol != TCP && protocol != UDP))
		return false;
	pseudo = tally_pseudo_sum(ip, protocol, len);
	sum = partial ? be16(ip + l4 + (protocol == TCP ? 16 : 6))
		      : tally_sum(pseudo, ip + l4, len);
	return (protocol == TCP ? tcp_holds(t, ip + l4, len, partial)
				: udp_holds(t, ip + l4, len)) &&
	       sum == (partial ? pseudo : 0xffff);
}

bool tally_frame(struct tally *t, const uint8_t *f, uint32_t len, bool partial)
{
	uint32_t l3 = ETH + (len > ETH && f[12] == 0x81 && f[13] == 0 ? 4 : 0);
	bool right = len >= l3 && holds(t, f + l3, len - l3, partial);

	t->wrong += !right;
	return right;
}
