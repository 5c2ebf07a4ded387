/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Natives that make, trim and free socket buffers. Source: Linux 6.1 net/core/skbuff.c,
 * net/ethernet/eth.c.
 */
#include "twin/native_skb.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "kernel_abi.h"
#include "twin/castor.h"
#include "twin/loan.h"
#include "twin/native.h"
#include "twin/native_frags.h"
#include "twin/share.h"
#include "twin/transmit.h"
#include "twin/win.h"

#define NET_SKB_PAD      64
#define SKB_ALIGNED_SIZE ALIGN_UP(K_SIZEOF_SK_BUFF, 64)
#define NO_HEADER        0xffff
#define ETH_HLEN         14
#define ETH_P_802_3_MIN  0x600
#define ETH_P_802_2      0x0004
#define PACKET_BROADCAST 1
#define PACKET_MULTICAST 2
#define PACKET_OTHERHOST 3
#define MEMCPY_MAX       KIB(16)

/*
 * The skb that a native gave out last, and the object that has its buffer: the driver's next calls
 * are about them.
 */
static struct pool_object nobody;
static struct skb_objects latest = { &nobody, &nobody };

/* An skb of ours, or NULL. */
static __noinline struct pool_object *look_up_skb(dva_t skb)
{
	struct pool_object *o = pool_find(skb);

	return o && pool_is_skb(o) ? o : NULL;
}

static inline struct pool_object *find_skb(dva_t skb)
{
	struct pool_object *o = latest.skb;

	return o->dva == skb && o->out && pool_is_skb(o) ? o : look_up_skb(skb);
}

/*
 * RAM of the dvm, or NULL: most likely of the object's buffer, whose place is known. It stays right
 * whatever has become of the object, as the direct map never changes (pool.h).
 */
static inline uint8_t *find_ram(const struct pool_object *buffer, dva_t at, uint64_t len)
{
	uint64_t offset = at - buffer->data_dva;

	if (offset < buffer->bytes && len <= buffer->bytes - offset)
		return buffer->data + offset;
	return pool_dvm_ptr(at, len);
}

void skb_init(uint8_t *skb, uint8_t *data, dva_t data_dva, uint32_t room, bool head_frag, bool own)
{
	uint8_t *shinfo = data + room;

	memset(skb, 0, K_SIZEOF_SK_BUFF);
	SET(skb, SK_BUFF_TRUESIZE, SKB_ALIGNED_SIZE + room + K_SIZEOF_SKB_SHARED_INFO);
	SET(skb, SK_BUFF_USERS, 1);
	SET(skb, SK_BUFF_HEAD, data_dva);
	SET(skb, SK_BUFF_DATA, data_dva);
	SET(skb, SK_BUFF_END, room);
	SET(skb, SK_BUFF_MAC_HEADER, NO_HEADER);
	SET(skb, SK_BUFF_TRANSPORT_HEADER, NO_HEADER);
	if (head_frag)
		SET_BITS(skb, SK_BUFF_HEAD_FRAG, 1);
	if (own)
		SET(skb, SK_BUFF_DESTRUCTOR, twin_att.destructor);
	memset(shinfo, 0, K_SKB_SHARED_INFO_DATAREF);
	SET(shinfo, SKB_SHARED_INFO_DATAREF, 1);
}

/*
 * A socket buffer by address: RAM of the dvm, or the invocation ends. In line, so that the report
 * names the native.
 */
static inline uint8_t *skb_ptr(dva_t skb)
{
	const struct pool_object *o = find_skb(skb);
	uint8_t *p = o ? o->hva : pool_dvm_ptr(skb, K_SIZEOF_SK_BUFF);

	if (!p)
		native_kill("skb %lx is no memory of the driver VM", skb);
	return p;
}

static dva_t native_napi_build_skb(dva_t data, uint32_t frag_bytes)
{
	struct pool_object *head, *o = pool_find(data);
	uint8_t *buffer;

	if (!o) /* posted by the dvm's own instance before the attachment */
		o = pool_adopt(data, frag_bytes, CASTOR_FRAG);
	if (!o)
		o = &nobody;
	buffer = find_ram(o, data, frag_bytes);
	if (!buffer || frag_bytes <= K_SIZEOF_SKB_SHARED_INFO || frag_bytes > 65536)
		native_kill("buffer %lx of %u bytes", data, frag_bytes);
	head = pool_take(CASTOR_HEAD, 0);
	if (!head)
		return 0;
	skb_init(head->hva, buffer, data, frag_bytes - K_SIZEOF_SKB_SHARED_INFO, true, false);
	latest = (struct skb_objects){ head, o };
	return head->dva;
}
NATIVE("napi_build_skb", native_napi_build_skb);

struct pool_object *skb_take(uint32_t len, bool own)
{
	struct pool_object *o = pool_take(CASTOR_SKB, NET_SKB_PAD + len);
	uint8_t *skb;

	if (!o)
		return NULL;
	skb = o->hva;
	skb_init(skb, o->data, o->data_dva, o->bytes, false, own);
	SET(skb, SK_BUFF_DATA, o->data_dva + NET_SKB_PAD);
	SET(skb, SK_BUFF_TAIL, NET_SKB_PAD);
	SET(skb, SK_BUFF_DEV, twin_att.netdev);
	latest = (struct skb_objects){ o, o };
	return o;
}

static dva_t native_napi_alloc_skb(dva_t napi, uint32_t len, uint32_t gfp)
{
	struct pool_object *o = skb_take(len, false);

	(void)napi;
	(void)gfp;
	return o ? o->dva : 0;
}
NATIVE("__napi_alloc_skb", native_napi_alloc_skb);

static dva_t native_netdev_alloc_frag_align(uint32_t bytes, uint32_t mask)
{
	struct pool_object *o = pool_take(CASTOR_FRAG, bytes);

	(void)mask; /* donated fragments are aligned for any network device */
	return o ? o->dva : 0;
}
NATIVE("__netdev_alloc_frag_align", native_netdev_alloc_frag_align);

static dva_t native_skb_put(dva_t skb, uint32_t len)
{
	uint8_t *p = skb_ptr(skb);
	uint64_t tail = GET(p, SK_BUFF_TAIL), end = GET(p, SK_BUFF_END);

	if (len > end || tail + len > end)
		native_kill("skb_put of %u bytes beyond the end (%lu of %lu)", len, tail, end);
	SET(p, SK_BUFF_TAIL, tail + len);
	SET(p, SK_BUFF_LEN, GET(p, SK_BUFF_LEN) + len);
	return GET(p, SK_BUFF_HEAD) + tail;
}
NATIVE("skb_put", native_skb_put);

static void native_skb_trim(dva_t skb, uint32_t len)
{
	uint8_t *p = skb_ptr(skb);

	if (GET(p, SK_BUFF_LEN) <= len || GET(p, SK_BUFF_DATA_LEN))
		return;
	SET(p, SK_BUFF_LEN, len);
	SET(p, SK_BUFF_TAIL, GET(p, SK_BUFF_DATA) - GET(p, SK_BUFF_HEAD) + len);
}
NATIVE("skb_trim", native_skb_trim);

#define MAC_BITS 0xffffffffffffUL

static unsigned int packet_type(const uint8_t *dst)
{
	uint64_t to = field_get(dst, 0, 4) | field_get(dst, 4, 2) << 32, own;

	if (to == MAC_BITS)
		return PACKET_BROADCAST;
	if (to & 1)
		return PACKET_MULTICAST;
	/* The address is the first of MAX_ADDR_LEN = 32 bytes. */
	own = win_read64(win_read64(twin_att.netdev + K_NET_DEVICE_DEV_ADDR));
	return to == (own & MAC_BITS) ? 0 : PACKET_OTHERHOST;
}

uint16_t skb_type_trans(dva_t skb, dva_t dev)
{
	uint8_t *p = skb_ptr(skb), *eth;
	uint64_t data = GET(p, SK_BUFF_DATA), len = GET(p, SK_BUFF_LEN);
	uint16_t proto;

	eth = find_ram(latest.data, data, ETH_HLEN);
	if (!eth || len < ETH_HLEN)
		native_kill("frame of %lu bytes at %lx", len, data);
	SET(p, SK_BUFF_DEV, dev);
	SET(p, SK_BUFF_MAC_HEADER, data - GET(p, SK_BUFF_HEAD));
	SET(p, SK_BUFF_DATA, data + ETH_HLEN);
	SET(p, SK_BUFF_LEN, len - ETH_HLEN);
	SET_BITS(p, SK_BUFF_PKT_TYPE, packet_type(eth));
	__builtin_memcpy(&proto, eth + 12, 2);
	if (__builtin_bswap16(proto) >= ETH_P_802_3_MIN)
		return proto;
	return __builtin_bswap16(ETH_P_802_2);
}
NATIVE("eth_type_trans", skb_type_trans);

static dva_t native_memcpy(dva_t dst, dva_t src, uint64_t n)
{
	if (n > MEMCPY_MAX)
		native_kill("memcpy of %lu bytes", n);
	win_copy(dst, src, n);
	return dst;
}
NATIVE("memcpy", native_memcpy);

static void native_nothing(void)
{
}
NATIVE("skb_clone_tx_timestamp", native_nothing);

/* Called by preempt_enable() as if it were no call: all registers stay, as they do here. */
static void native_never_preempted(void)
{
}
NATIVE("__SCT__preempt_schedule", native_never_preempted);

/* Can it be used again as it is? Clones and further references go back to the dvm. */
static bool reusable(const struct pool_object *o)
{
	const uint8_t *shinfo = o->data + o->bytes;

	return GET(o->hva, SK_BUFF_USERS) == 1 && !GET_BITS(o->hva, SK_BUFF_CLONED) &&
	       GET(o->hva, SK_BUFF_HEAD) == o->data_dva && frags_are_own(o) &&
	       !GET(shinfo, SKB_SHARED_INFO_FRAG_LIST) && GET(shinfo, SKB_SHARED_INFO_DATAREF) == 1;
}

/* A frame of the dvm's own; guests' may have waited for it (R10). */
static void count_own(dva_t skb)
{
	uint8_t *p = pool_dvm_ptr(skb, K_SIZEOF_SK_BUFF);

	transmit_counts.own++;
	if (p && share_dvm_sent(GET(p, SK_BUFF_LEN), native_dvm_waits(twin_att.txq)))
		twin_pending.transmit = true;
}

/* The driver VM frees it. o: of the pool, or NULL. */
static void __noinline consume_in_dvm(dva_t skb, struct pool_object *o)
{
	struct castor_slot slot = { .dva = skb, .kind = CASTOR_SKB };
	uint32_t ours = 0;

	if (o && o->loan)
		loan_end(o);
	if (o)
		ours = pool_give_back(o);
	else
		count_own(skb);
	if (castor_push(CASTOR_RING_FREE, &slot))
		pool_lost(ours);
}

static void native_napi_consume_skb(dva_t skb, int budget)
{
	struct pool_object *o;

	(void)budget;
	if (!skb)
		return;
	transmit_counts.ended++;
	o = pool_find(skb);
	if (o && o->kind == CASTOR_SKB && reusable(o))
		pool_put(o);
	else
		consume_in_dvm(skb, o);
}
NATIVE("napi_consume_skb", native_napi_consume_skb);

struct skb_frame skb_frame_of(dva_t skb)
{
	struct skb_frame f = { .o = find_skb(skb) };
	uint64_t mac, len, end;

	if (!f.o)
		native_kill("received skb %lx is not ours", skb);
	mac = GET(f.o->hva, SK_BUFF_MAC_HEADER);
	len = GET(f.o->hva, SK_BUFF_LEN) + ETH_HLEN;
	end = GET(f.o->hva, SK_BUFF_END);
	if (!GET(f.o->hva, SK_BUFF_DATA_LEN) && mac + len <= end && end <= 65536)
		f.data = find_ram(latest.data, GET(f.o->hva, SK_BUFF_HEAD) + mac, len);
	if (!f.data)
		native_kill("received skb %lx is inconsistent", skb);
	f.len = len;
	return f;
}

struct pool_object *skb_buffer_of(const struct pool_object *skb)
{
	dva_t data = GET(skb->hva, SK_BUFF_HEAD);

	if (skb->kind != CASTOR_HEAD)
		return NULL;
	if (latest.data->dva == data && latest.data->out && !latest.data->tied &&
	    latest.data->kind == CASTOR_FRAG)
		return latest.data;
	return pool_find(data);
}

struct skb_objects skb_objects_of(struct pool_object *skb)
{
	struct skb_objects s = { skb, skb_buffer_of(skb) };

	if (skb->kind == CASTOR_HEAD && (!s.data || s.data->kind != CASTOR_FRAG))
		native_kill("buffer of received skb %lx is not ours", skb->dva);
	return s;
}

void skb_recycle_rx(const struct skb_objects *s)
{
	if (s->data)
		pool_put(s->data);
	pool_put(s->skb);
}
