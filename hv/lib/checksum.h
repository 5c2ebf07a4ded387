/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checksum of firmware's tables. */
#ifndef HV_LIB_CHECKSUM_H
#define HV_LIB_CHECKSUM_H

#include "lib/types.h"

/* The byte that makes the sum of all of them, itself included, zero. */
static inline uint8_t checksum8(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint8_t sum = 0;

	while (len--)
		sum += *p++;
	return -sum;
}

#endif
