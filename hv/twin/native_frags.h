/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames whose bytes lie in whole pages, as fragments of an skb. Inside an invocation, where
 * garbage ends it, but for frags_add().
 *
 * Received ones have no linear part: what napi_get_frags() begins and the driver fills. Shared by
 * the natives and receive.c. Those to be sent (fill.h) have their headers there.
 */
#ifndef HV_TWIN_NATIVE_FRAGS_H
#define HV_TWIN_NATIVE_FRAGS_H

#include "net/packet.h"
#include "twin/pool.h"

#define FRAGS_MAX 17 /* MAX_SKB_FRAGS with pages of 4 KiB */

struct skb_pages {
	struct pool_object *o; /* NULL: an skb of the driver VM's own */
	dva_t dva;
	uint8_t *skb, *shinfo;
	uint32_t len; /* of the whole Ethernet frame */
	unsigned int frags;
	struct packet_seg seg[FRAGS_MAX];
};

/* Takes over the skb that the driver has filled; the next frame gets another one. */
void frags_take(dva_t napi, struct skb_pages *out);

/*
 * For the driver VM's stack: headers in the linear part, Ethernet's behind data, its type in
 * protocol, as napi_gro_frags() does it. seg is not valid any more.
 */
void frags_pull(const struct skb_pages *f);

/* The skb and its pages leave the table, for the driver VM. */
void frags_give(const struct skb_pages *f);

/* The frame was copied: skb and pages go back into the pool, or to the driver VM that owns it. */
void frags_recycle(const struct skb_pages *f);

/* n bytes of the driver VM's direct map become fragment number i. */
void frags_set(uint8_t *shinfo, unsigned int i, dva_t at, uint32_t n);

/*
 * n bytes from the beginning of a page on are an skb's next fragment; both of the pool. It has room
 * for it. Returns the struct page.
 */
dva_t frags_add(struct pool_object *skb, struct pool_object *page, uint32_t n);

/* Whether an skb of the pool has the fragments that were added to it, and no others. */
bool frags_are_own(const struct pool_object *skb);

#endif
