/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an invocation that is killed costs. */
#include "twin/journal.h"

#include "debug/log.h"
#include "twin/castor.h"
#include "twin/pool.h"

void journal_begin(void)
{
	pool_begin();
	castor_hold();
}

void journal_end(bool killed)
{
	uint32_t slots, ours;

	if (!killed) {
		castor_publish();
		return;
	}
	slots = castor_drop(CASTOR_RING_FREE);
	castor_drop(CASTOR_RING_RX);
	pool_counts.foreign += slots - MIN(slots, pool_given_back());
	ours = pool_leak();
	log_info("twin's journal: %u buffers and %u of the driver VM's own skbs changed hands",
		 ours, slots);
}
