/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chains that are lent to the uplink. */
#include "net/lend.h"

static bool recalled;

void lend_end(struct lent *lent)
{
	struct lender *lender = lent->lender;

	if (!lender)
		return;
	lent->lender = NULL;
	lender->out--;
	if (lent->life == lender->life)
		lender->back(lender, lent->chain);
}

void lend_recall(struct lender *lender)
{
	lender->life++;
	recalled = recalled || lender->out;
}

bool lend_recalled(void)
{
	bool yes = recalled;

	recalled = false;
	return yes;
}
