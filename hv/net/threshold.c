/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dynamic thresholds for the senders into a receive ring. */
#include "net/threshold.h"

void threshold_posted(struct threshold *t, uint16_t avail)
{
	uint16_t n = MIN((uint16_t)(avail - t->posted), t->count);

	t->posted = avail;
	for (; n; n--) {
		t->held[t->sender[t->first]]--;
		t->first = (t->first + 1) % VRING_SIZE_MAX;
		t->count--;
	}
}

bool threshold_allows(const struct threshold *t, unsigned int sender, uint16_t free)
{
	return t->held[sender] < THRESHOLD_ALPHA * free;
}

/* Held and free ones together are never more than the ring has, so they fit. */
void threshold_took(struct threshold *t, unsigned int sender, unsigned int n)
{
	t->held[sender] += n;
	for (; n; n--) {
		t->sender[(t->first + t->count) % VRING_SIZE_MAX] = sender;
		t->count++;
	}
}
