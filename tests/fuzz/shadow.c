/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One mark for each byte below the entry's return address, and for that itself. See shadow.h. */
#include "shadow.h"

#include <string.h>

#define BYTES 0x8000 /* more than any run may use */

enum mark { DEAD, WRITTEN, RETURN };

static uint64_t top;        /* end of the entry's return address */
static uint64_t low;        /* nothing below it is marked */
static uint8_t mark[BYTES]; /* of the byte at top - 1 - index */

static uint8_t *mark_of(uint64_t a)
{
	return a < top && top - a <= BYTES ? &mark[top - 1 - a] : NULL;
}

void shadow_begin(uint64_t rsp)
{
	memset(mark, DEAD, sizeof(mark));
	top = low = rsp + 8;
	shadow_write(rsp, 8, true);
}

void shadow_at(uint64_t rsp)
{
	for (; low < rsp && low < top; low++)
		if (mark_of(low))
			*mark_of(low) = DEAD;
}

void shadow_write(uint64_t a, uint32_t n, bool is_call)
{
	for (uint32_t k = 0; k < n; k++) {
		uint8_t *m = mark_of(a + k);

		if (m)
			*m = is_call ? RETURN : WRITTEN;
	}
	if (a < low && mark_of(a))
		low = a;
}

bool shadow_is_data(uint64_t a, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		if (!mark_of(a + k) || *mark_of(a + k) != WRITTEN)
			return false;
	return true;
}

bool shadow_touches_return(uint64_t a, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		if (mark_of(a + k) && *mark_of(a + k) == RETURN)
			return true;
	return false;
}

bool shadow_is_return(uint64_t a)
{
	for (uint32_t k = 0; k < 8; k++)
		if (!mark_of(a + k) || *mark_of(a + k) != RETURN)
			return false;
	return true;
}
