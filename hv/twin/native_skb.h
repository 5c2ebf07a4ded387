/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket buffers as the hypervisor makes and reads them; shared by the natives and the uplink. */
#ifndef HV_TWIN_NATIVE_SKB_H
#define HV_TWIN_NATIVE_SKB_H

#include "twin/pool.h"

/* Field of a structure behind a hypervisor pointer; off is a K_ constant. */
static inline uint64_t field_get(const uint8_t *base, unsigned int off, unsigned int bytes)
{
	uint64_t v = 0;

	__builtin_memcpy(&v, base + off, bytes);
	return v;
}

static inline void field_set(uint8_t *base, unsigned int off, unsigned int bytes, uint64_t v)
{
	__builtin_memcpy(base + off, &v, bytes);
}

#define GET(base, f)    field_get(base, K_##f, K_##f##_BYTES)
#define SET(base, f, v) field_set(base, K_##f, K_##f##_BYTES, v)
#define SET_BITS(base, f, v)                                                  \
	((base)[K_##f] = ((base)[K_##f] & ~(K_##f##_MASK << K_##f##_SHIFT)) | \
			 ((v)&K_##f##_MASK) << K_##f##_SHIFT)
#define GET_BITS(base, f) ((base)[K_##f] >> K_##f##_SHIFT & K_##f##_MASK)

/*
 * As __build_skb(): the whole head anew, on a buffer of `room` bytes before skb_shared_info. own:
 * the destructor tells the hypervisor when the dvm frees it.
 */
void skb_init(uint8_t *skb, uint8_t *data, dva_t data_dva, uint32_t room, bool head_frag, bool own);

/*
 * An empty skb from the pool for the driver to receive into, with room for len bytes behind the
 * usual headroom. own: as above. NULL: the pool has none. Inside an invocation.
 */
struct pool_object *skb_take(uint32_t len, bool own);

/*
 * A received frame as the driver left it: an skb of ours with the whole Ethernet frame in its
 * linear part, or the invocation ends.
 */
struct skb_frame {
	struct pool_object *o;
	uint8_t *data;
	uint32_t len;
};
struct skb_frame skb_frame_of(dva_t skb);

/*
 * eth_type_trans(): data moves behind the Ethernet header, whose type is returned in network byte
 * order.
 */
uint16_t skb_type_trans(dva_t skb, dva_t dev);

/* The buffer of a bare head, where the pool knows it; else NULL. */
struct pool_object *skb_buffer_of(const struct pool_object *skb);

/* What a received skb is made of. data: its buffer, where that is an object of its own. */
struct skb_objects {
	struct pool_object *skb, *data;
};

/* All of it ours, or the invocation ends. */
struct skb_objects skb_objects_of(struct pool_object *skb);

/* Back into the pool: the frame was copied. Needs no invocation. */
void skb_recycle_rx(const struct skb_objects *s);

#endif
