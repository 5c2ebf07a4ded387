/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns at the driver's transmit queue. */
#include "twin/share.h"

#include "cpu/timer.h"

static int64_t ahead;      /* guests' bytes less the driver VM's, since it waits */
static uint64_t turn_ends; /* of the driver VM's turn, or 0 */

void share_reset(void)
{
	ahead = 0;
	turn_ends = 0;
}

bool share_guests_next(void)
{
	if (turn_ends && tsc_now() >= turn_ends)
		ahead = -SHARE_CREDIT; /* not used: whatever it waits for, it is not us */
	if (ahead < SHARE_QUANTUM) {
		turn_ends = 0;
		return true;
	}
	if (!turn_ends)
		turn_ends = tsc_now() + us_to_tsc(SHARE_TURN_US);
	return false;
}

bool share_guests_wait(void)
{
	return turn_ends && tsc_now() < turn_ends;
}

void share_guests_sent(uint32_t bytes)
{
	ahead += bytes;
}

bool share_dvm_sent(uint32_t bytes, bool waits)
{
	bool was_turn = turn_ends;

	ahead = MAX(ahead - (int64_t)bytes, (int64_t)-SHARE_CREDIT);
	if (ahead < SHARE_QUANTUM)
		turn_ends = 0;
	if (turn_ends && !waits)
		share_reset(); /* a turn is no longer than its frames */
	return was_turn && !turn_ends;
}
