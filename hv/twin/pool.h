/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Buffers that castor donated to the hypervisor (R16): whole socket buffers, bare heads, page
 * fragments, whole pages. They are real objects of the driver VM's kernel, known here by their
 * address, not by a field. All lie in its direct map, whose translation never changes, so they are
 * reached through the hypervisor's own pointers.
 *
 * An object is in the pool, or out: in the driver's rings or on its way. What is given to the
 * dvm's stack or is no longer usable leaves the table first, since the slab may reuse its
 * address. Interrupts off or inside an invocation.
 *
 * Size. Each kind has a least size, the largest that was ever asked for: what is smaller leaves the
 * pool as stale and goes back to castor, which donates larger ones.
 *
 * Frames of several pieces. Pages that are tied to an skb share its fate: whatever leads the skb
 * somewhere leads them there, each counts as an object of its own, and by their own addresses
 * nobody finds them meanwhile. A loan ends when its skb is put back, and is an orphan when the skb
 * leaves the table.
 *
 * Journal (R19). What is taken, put, adopted or given away between pool_begin() and the next one
 * changed hands in one invocation. If that invocation dies nobody knows who holds it: pool_leak()
 * forgets all of it, so that it is never used again.
 */
#ifndef HV_TWIN_POOL_H
#define HV_TWIN_POOL_H

#include "drivers/castor_abi.h"
#include "lib/types.h"

struct loan;

struct pool_object {
	dva_t dva;
	uint8_t *hva;   /* the object; for an skb its sk_buff */
	dva_t data_dva; /* the buffer that it has or is; none: 0, and no bytes */
	uint8_t *data;
	uint32_t bytes; /* of it; CASTOR_SKB: those before skb_shared_info */
	uint32_t stamp; /* invocation in which it changed hands last */
	/* Of an skb: the page tied to it last. Of a tied page: the one that was tied before it. */
	struct pool_object *pages;
	struct loan *loan; /* of an skb whose payload is a guest's memory (loan.h) */
	uint8_t kind;      /* enum castor_kind; 0 = unused entry */
	bool out;
	bool handed; /* out, and the driver has it to send it (pool_hand_over) */
	bool tied;   /* a page that is, to an skb */
} __attribute__((aligned(64)));
/* A cache line each; and from a pointer to a number it is a shift. */
ASSERT_SIZE(struct pool_object, 64);

/*
 * Since castor said hello: donated + adopted = returned + left + given + leaked + out + pooled +
 * stale (checked at detach). returned: to castor, or freed by the dvm; left: in the driver's rings
 * at a detach; given: to the dvm's stack; leaked: changed hands in an invocation that was killed.
 * foreign: skbs of the dvm's own that were lost on their way back to it; not in the equation.
 */
struct pool_counts {
	uint64_t donated, adopted, returned, left, given, leaked, empty, refused, renewed, foreign;
};
extern struct pool_counts pool_counts;

/* RAM of the driver VM at a direct-map address, or NULL. */
void *pool_dvm_ptr(dva_t dva, uint64_t len);

/* Takes a donation; refuses (counted) what does not lie in the direct map or is known already. */
void pool_donate(const struct castor_slot *slot);

/*
 * Takes an object from the pool, at least bytes large; NULL (counted) when there is none. A larger
 * wish than ever before, up to a page, renews the pool. HEAD: bytes = 0.
 */
struct pool_object *pool_take(enum castor_kind kind, uint32_t bytes);
uint32_t pool_need(enum castor_kind kind); /* the least size now */

/* The object of an address that is out and not tied; NULL: not ours. */
struct pool_object *pool_find(dva_t dva);

/* Is an object an skb, with its head at hva? Else a buffer. Such are never tied. */
static inline bool pool_is_skb(const struct pool_object *o)
{
	return o->kind == CASTOR_SKB || o->kind == CASTOR_HEAD;
}

/* Both are out, and the page is tied to nothing yet. */
void pool_tie(struct pool_object *skb, struct pool_object *page);
uint32_t pool_tied(void); /* pages that are, to any skb */

void pool_put(struct pool_object *o); /* back into the pool; nothing when it is there */

/* Leaves the table: the dvm has it. How many objects that are; 0: it is not out. */
uint32_t pool_forget(struct pool_object *o);

/* Inside an invocation: leaves the table for the dvm's stack, or for castor; how many objects. */
void pool_give(struct pool_object *o);
uint32_t pool_give_back(struct pool_object *o);

/* Inside an invocation or right behind it: what is tied leaves as above, the skb stays with us. */
void pool_give_tied(struct pool_object *o);

/*
 * An skb for castor found no room in the ring: so many objects of ours, given back before, or, with
 * 0, the dvm's own.
 */
void pool_lost(uint32_t ours);

/* The driver gets it now (true), or refused it (false); how many it has that are not back. */
void pool_hand_over(struct pool_object *o, bool driver);
uint32_t pool_handed(void);

void pool_begin(void);          /* a new invocation */
uint32_t pool_given_back(void); /* times that something was given back to castor in it */
uint32_t pool_leak(void);       /* it was killed: how many objects it costs */
uint32_t pool_stale(void);      /* too small, to be returned */

/* A fragment or page of the dvm's own that the twin met in its ring becomes ours, or NULL. */
struct pool_object *pool_adopt(dva_t dva, uint32_t bytes, enum castor_kind kind);

uint32_t pool_level(enum castor_kind kind); /* objects in the pool */
uint32_t pool_out(void);                    /* objects that are out */
uint32_t pool_out_kind(enum castor_kind kind);

/* Forgets all objects that are out: the driver keeps them. Returns how many. */
uint32_t pool_leave(void);

/*
 * The same of fragments and pages alone, between two calls of the driver: its own instance may have
 * freed those in its rings, and nobody tells of that. What is there still is adopted when it comes.
 * Tied ones stay: castor tells of their skb.
 */
uint32_t pool_leave_rings(void);

/* Any one object that is in the pool or stale, taken out of it; NULL: there is none. */
struct pool_object *pool_take_any(void);
struct pool_object *pool_take_stale(void);

void pool_reset(void);

#endif
