/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See sending_card.h. */
#include "sending_card.h"

#include "cpu/timer.h"
#include "twin/card.h"

bool sending_card_is_known, sending_card_is_idle;

static struct timer *armed;

bool card_is_known(void)
{
	return sending_card_is_known;
}

bool card_sends_nothing(void)
{
	return sending_card_is_idle;
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
	timer->deadline = deadline;
	armed = timer;
}

bool sending_card_timer(void)
{
	bool was = armed && armed->deadline;

	if (was)
		armed->deadline = 0;
	armed = NULL;
	return was;
}
