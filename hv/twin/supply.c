/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much castor is to donate, and the ways there and back. */
#include "twin/supply.h"

#include "debug/log.h"
#include "twin/castor.h"
#include "twin/fill.h"
#include "twin/pool.h"

#define DONATE_SKB   768
#define DONATE_HEAD  512
#define DONATE_FRAG  768
#define DONATE_PAGE  512 /* more, once the driver has asked for pages */
#define BUFFER_BYTES 2048
#define FRAMES       64 /* between two looks at the levels */

void supply_hello(struct castor_shared *area)
{
	area->want_skb = DONATE_SKB;
	area->want_head = DONATE_HEAD;
	area->want_frag = DONATE_FRAG;
	area->want_page = FILL_PAGES;
	area->frag_bytes = BUFFER_BYTES;
	area->skb_bytes = BUFFER_BYTES;
}

void supply_take(void)
{
	struct castor_slot slot;

	while (castor_pop(CASTOR_RING_GONE, &slot)) {
		struct pool_object *o = pool_find(slot.dva);

		if (o)
			pool_counts.returned += pool_forget(o);
	}
	while (castor_pop(CASTOR_RING_DONATE, &slot))
		pool_donate(&slot);
}

/* Totals since HELLO: what was given, and what it takes to have the pools full again. */
void supply_want(struct castor_shared *area)
{
	const struct {
		enum castor_kind kind;
		uint32_t level;
	} aim[] = { { CASTOR_SKB, DONATE_SKB },
		    { CASTOR_HEAD, DONATE_HEAD },
		    { CASTOR_FRAG, DONATE_FRAG },
		    { CASTOR_PAGE, FILL_PAGES + (pool_need(CASTOR_PAGE) ? DONATE_PAGE : 0) } };
	uint32_t *want[] = { &area->want_skb, &area->want_head, &area->want_frag,
			     &area->want_page };
	const uint32_t given[] = { area->given_skb, area->given_head, area->given_frag,
				   area->given_page };
	bool low = false;

	area->skb_bytes = MAX(pool_need(CASTOR_SKB), (uint32_t)BUFFER_BYTES);
	area->frag_bytes = MAX(pool_need(CASTOR_FRAG), (uint32_t)BUFFER_BYTES);
	for (unsigned int i = 0; i < ARRAY_SIZE(aim); i++) {
		uint32_t have = pool_level(aim[i].kind) + pool_out_kind(aim[i].kind);

		if (have >= aim[i].level)
			continue;
		*want[i] = given[i] + aim[i].level - have;
		low |= have < aim[i].level / 2;
	}
	if (low)
		castor_raise(CASTOR_EVENT_RINGS);
}

static uint64_t pooled(void)
{
	return pool_level(CASTOR_SKB) + pool_level(CASTOR_HEAD) + pool_level(CASTOR_FRAG) +
	       pool_level(CASTOR_PAGE) + pool_stale();
}

bool supply_adds_up(void)
{
	const struct pool_counts *c = &pool_counts;

	return c->donated + c->adopted ==
	       c->returned + c->left + c->given + c->leaked + pool_out() + pooled();
}

void supply_report(void)
{
	const struct pool_counts *c = &pool_counts;

	log_info("twin's buffers: donated %lu + adopted %lu = returned %lu + left in rings %lu "
		 "+ to stack %lu "
		 "+ leaked %lu + pooled %lu%s",
		 c->donated, c->adopted, c->returned, c->left, c->given, c->leaked, pooled(),
		 supply_adds_up() ? "" : " (DOES NOT ADD UP)");
}

bool supply_is_due(uint64_t frames)
{
	static uint64_t seen, empty;

	if (frames - seen <= FRAMES && pool_counts.empty == empty)
		return false;
	seen = frames;
	empty = pool_counts.empty;
	return true;
}

static int64_t give_back(struct pool_object *(*next)(void))
{
	struct pool_object *o;
	int64_t n = 0;

	while (castor_room(CASTOR_RING_BACK) && (o = next())) {
		struct castor_slot slot = { o->dva, o->bytes, o->kind };

		pool_counts.returned += pool_forget(o);
		castor_push(CASTOR_RING_BACK, &slot);
		n++;
	}
	return n;
}

int64_t supply_return(void)
{
	return give_back(pool_take_any);
}

void supply_renew(void)
{
	if (!pool_stale() || !castor_room(CASTOR_RING_BACK))
		return;
	give_back(pool_take_stale);
	supply_take();
	supply_want(castor_area());
	castor_flush();
}
