/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Buffers that castor donated to the hypervisor (R16): whole socket buffers, bare heads, page
 * fragments. They are real objects of the driver VM's kernel, known here by their address, not by
 * a field. All lie in its direct map, whose translation never changes, so they are reached
 * through the hypervisor's own pointers.
 *
 * An object is in the pool, or out: in the driver's rings or on its way. What is given to the
 * dvm's stack or is no longer usable leaves the table first, since the slab may reuse its
 * address. Interrupts off or inside an invocation.
 */
#ifndef HV_TWIN_POOL_H
#define HV_TWIN_POOL_H

#include "drivers/castor_abi.h"
#include "lib/types.h"

struct pool_object {
	dva_t dva;
	uint8_t *hva;   /* the object; for an skb its sk_buff */
	dva_t data_dva; /* CASTOR_SKB: its buffer, else 0 */
	uint8_t *data;
	uint32_t bytes; /* CASTOR_SKB: room of the buffer before skb_shared_info; FRAG: all bytes */
	uint8_t kind;   /* enum castor_kind; 0 = unused entry */
	bool out;
};

/*
 * Since castor said hello: donated + adopted = returned + left + given + leaked + out + pooled
 * (checked at detach). returned: to castor, or freed by the dvm; left: in the driver's rings at a
 * detach; given: to the dvm's stack.
 */
struct pool_counts {
	uint64_t donated, adopted, returned, left, given, leaked, empty, refused;
};
extern struct pool_counts pool_counts;

/* RAM of the driver VM at a direct-map address, or NULL. */
void *pool_dvm_ptr(dva_t dva, uint64_t len);

/* Takes a donation; refuses (counted) what does not lie in the direct map or is known already. */
void pool_donate(const struct castor_slot *slot);

/* Takes an object from the pool, at least bytes large; NULL (counted) when there is none. */
struct pool_object *pool_take(enum castor_kind kind, uint32_t bytes);

/* The object of an address that is out; NULL: not ours. */
struct pool_object *pool_find(dva_t dva);

void pool_put(struct pool_object *o);    /* back into the pool */
void pool_forget(struct pool_object *o); /* leaves the table: given away */

/* A page fragment of the dvm's own that the twin met in its ring becomes ours. */
struct pool_object *pool_adopt(dva_t dva, uint32_t bytes);

uint32_t pool_level(enum castor_kind kind); /* objects in the pool */
uint32_t pool_out(void);                    /* objects that are out */
uint32_t pool_out_kind(enum castor_kind kind);

/* Forgets all objects that are out: the driver keeps them. Returns how many. */
uint32_t pool_leave(void);

/* Any one object that is in the pool, taken out of it; NULL: the pool is empty. */
struct pool_object *pool_take_any(void);

void pool_reset(void);

#endif
