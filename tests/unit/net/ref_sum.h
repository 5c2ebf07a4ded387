/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The internet checksum (RFC 1071), the plain way: what the tests compare with. */
#ifndef TESTS_UNIT_NET_REF_SUM_H
#define TESTS_UNIT_NET_REF_SUM_H

#include <stdint.h>

/* Of bytes in network order, behind `sum`. */
static inline uint32_t ref_sum(const uint8_t *p, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

#endif
