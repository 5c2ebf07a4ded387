/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames whose payload stays where it is. */
#include "twin/loan.h"

#include "cpu/timer.h"
#include "mem/layout.h"
#include "net/lend.h"
#include "twin/card.h"
#include "twin/native.h"
#include "twin/native_frags.h"

#define LOOK_US 1000 /* between two looks at the card; what it has fetched is read by then */

struct piece {
	dva_t page; /* struct page that stands for it */
	hpa_t hpa;
	uint32_t len;
};

enum loan_state { LOAN_UNUSED, LOAN_LENT, LOAN_ORPHAN, LOAN_ENDED };

struct loan {
	enum loan_state state;
	struct lent lent;
	uint32_t pages; /* of loan_pages() */
	unsigned int pieces;
	struct piece piece[FRAGS_MAX];
};

struct loan_counts loan_counts;

static struct loan loan[LOAN_MAX];
static uint16_t ended[LOAN_MAX]; /* to be settled */
static unsigned int ended_count, out, orphans;
static unsigned int next; /* where to look for an unused one first */
static uint32_t pages;
static const struct loan *in_hand;
static bool allowed;
static bool was_idle; /* the card, at the last look, and no orphan came since */

static void look_fire(struct timer *timer)
{
	(void)timer;
}
static struct timer look_timer = { .fire = look_fire };

void loan_allow(bool translates)
{
	allowed = translates && card_is_known();
}

/* Payload that is in the packet's private head as well. */
static uint32_t in_head(const struct packet *pkt)
{
	return pkt->head_len - pkt->payload;
}

/* The first piece begins with that. */
static struct packet_seg piece_of(const struct packet *pkt, unsigned int i)
{
	struct packet_seg s = pkt->seg[i];

	if (!i) {
		s.data -= in_head(pkt);
		s.len += in_head(pkt);
	}
	return s;
}

static uint32_t pages_of(uint32_t bytes)
{
	return (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
}

unsigned int loan_pieces(const struct packet *pkt)
{
	uint32_t descs = 0, left = pkt->len - pkt->payload;

	if (!allowed || !pkt->lender || out == LOAN_MAX || in_head(pkt) > pkt->overlap ||
	    !pkt->segs || pkt->segs > FRAGS_MAX || left < pkt->segs * LOAN_PIECE_MIN)
		return 0;
	for (unsigned int i = 0; i < pkt->segs; i++) {
		struct packet_seg s = piece_of(pkt, i);

		if (hva_to_hpa(s.data) + s.len > twin_att.dma_reach) {
			loan_counts.far++;
			loan_counts.far_bytes += pkt->len - pkt->payload;
			return 0;
		}
		if (s.len > left)
			return 0;
		descs += 1 + pages_of(s.len);
		left -= s.len;
	}
	return descs <= LOAN_DESCS && !left ? pkt->segs : 0;
}

static struct loan *unused_loan(void)
{
	while (loan[next].state != LOAN_UNUSED)
		next = (next + 1) % LOAN_MAX;
	return &loan[next];
}

void loan_make(struct pool_object *o, const struct packet *pkt)
{
	struct loan *l = unused_loan();

	l->state = LOAN_LENT;
	l->lent = lend_chain(pkt->lender, pkt->chain);
	l->pieces = pkt->segs;
	l->pages = pages_of(pkt->len - pkt->payload) - pkt->segs;
	for (unsigned int i = 0; i < l->pieces; i++) {
		struct packet_seg s = piece_of(pkt, i);
		dva_t page = frags_add(o, pool_take(CASTOR_PAGE, 0), s.len);

		l->piece[i] = (struct piece){ page, hva_to_hpa(s.data), s.len };
	}
	o->loan = l;
	out++;
	pages += l->pages;
	loan_counts.frames++;
	loan_counts.bytes += pkt->len - pkt->payload;
}

void loan_in_hand(const struct pool_object *o)
{
	in_hand = o ? o->loan : NULL;
}

bool loan_map(dva_t page, uint64_t offset, uint64_t bytes, hpa_t *hpa)
{
	for (unsigned int i = 0; in_hand && i < in_hand->pieces; i++) {
		const struct piece *p = &in_hand->piece[i];

		if (p->page != page)
			continue;
		*hpa = offset <= p->len && bytes <= p->len - offset ? p->hpa + offset : ~0UL;
		return true;
	}
	return false;
}

/* It is the pool's no more. */
static struct loan *leaves(struct pool_object *o)
{
	struct loan *l = o->loan;

	o->loan = NULL;
	pages -= l->pages;
	if (l == in_hand)
		in_hand = NULL;
	return l;
}

static void ends(struct loan *l)
{
	l->state = LOAN_ENDED;
	ended[ended_count++] = l - loan;
}

void loan_end(struct pool_object *o)
{
	ends(leaves(o));
}

static void becomes_orphan(struct loan *l)
{
	l->state = LOAN_ORPHAN;
	orphans++;
	loan_counts.orphans++;
	was_idle = false;
}

void loan_orphan(struct pool_object *o)
{
	becomes_orphan(leaves(o));
}

/* The table is forgotten as a whole. */
void loan_orphan_all(void)
{
	for (unsigned int i = 0; i < LOAN_MAX; i++)
		if (loan[i].state == LOAN_LENT)
			becomes_orphan(&loan[i]);
	pages = 0;
	in_hand = NULL;
}

static void end_orphans(void)
{
	for (unsigned int i = 0; i < LOAN_MAX; i++)
		if (loan[i].state == LOAN_ORPHAN)
			ends(&loan[i]);
	orphans = 0;
}

void loan_settle(void)
{
	while (ended_count) {
		struct loan *l = &loan[ended[--ended_count]];

		lend_end(&l->lent);
		l->state = LOAN_UNUSED;
		out--;
	}
}

bool loan_is_recalled(const struct pool_object *o)
{
	return o->loan && lend_is_recalled(&o->loan->lent);
}

/*
 * Twice, as the card may still read what it has fetched the descriptor of. Whatever it is told of
 * later is no orphan's.
 */
static void look(void)
{
	bool idle = card_sends_nothing();

	if (idle && was_idle)
		end_orphans();
	was_idle = idle;
}

void loan_poll(void)
{
	if (orphans && !look_timer.deadline) {
		look();
		if (orphans)
			timer_arm(&look_timer, tsc_now() + us_to_tsc(LOOK_US));
	}
	loan_settle();
}

void loan_card_is_quiet(void)
{
	end_orphans();
	loan_settle();
}

uint32_t loan_pages(void)
{
	return pages;
}

uint32_t loan_out(void)
{
	return out;
}
