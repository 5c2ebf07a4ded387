/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's memory that the uplink's card may still read, because a frame was not copied: chains of
 * the transmit ring of its network card. While any is lent the VM does not start anew and its
 * card's reset is not over, so that what the card reads is what the VM meant to send.
 *
 * The uplink takes a chain by lend_chain() and ends that once, whatever becomes of the frame; the
 * lender then gives the chain back to its driver. Interrupts off, one CPU.
 */
#ifndef HV_NET_LEND_H
#define HV_NET_LEND_H

#include "lib/types.h"

struct lender {
	uint32_t out;  /* chains that are lent */
	uint64_t life; /* of the ring: chains of an earlier one are given back to nobody */
	/* A chain of this life is free again. */
	void (*back)(struct lender *lender, uint16_t chain);
};

struct lent {
	struct lender *lender; /* NULL: nothing is lent, or no more */
	uint64_t life;
	uint16_t chain;
};

static inline struct lent lend_chain(struct lender *lender, uint16_t chain)
{
	lender->out++;
	return (struct lent){ lender, lender->life, chain };
}

/* The memory is nobody's but the VM's from now on. Another time it does nothing. */
void lend_end(struct lent *lent);

/*
 * The ring is gone, the VM wants its memory back: frames that the card does not have yet are not
 * to be sent. Whoever has some finds them by lend_is_recalled(), when lend_recalled() tells it to.
 */
void lend_recall(struct lender *lender);
bool lend_recalled(void); /* since it was asked last */

static inline bool lend_is_recalled(const struct lent *lent)
{
	return lent->lender && lent->life != lent->lender->life;
}

#endif
