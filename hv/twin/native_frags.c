/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Natives of drivers that receive into whole pages, as e1000 does above an MTU of 1,500. Source:
 * Linux 6.1 net/core/gro.c, net/core/skbuff.c, mm/page_alloc.c.
 *
 * An skb may wait in napi->skb between two invocations, in the middle of a chain. It carries our
 * destructor, because the driver's reset frees it there.
 */
#include "twin/native_frags.h"

#include "kernel_abi.h"
#include "lib/string.h"
#include "twin/castor.h"
#include "twin/native.h"
#include "twin/native_skb.h"
#include "twin/win.h"

#define PULL_MAX 128 /* bytes of headers that the stack finds in the linear part */

static dva_t page_at(dva_t dva)
{
	return (dva - twin_att.page_offset_base) / PAGE_SIZE * K_SIZEOF_PAGE +
	       twin_att.vmemmap_base;
}

static dva_t address_of(dva_t page)
{
	return (page - twin_att.vmemmap_base) / K_SIZEOF_PAGE * PAGE_SIZE +
	       twin_att.page_offset_base;
}

static dva_t native_alloc_pages(uint32_t gfp, uint32_t order)
{
	struct pool_object *o = order ? NULL : pool_take(CASTOR_PAGE, PAGE_SIZE);

	(void)gfp;
	return o ? page_at(o->dva) : 0;
}
NATIVE("alloc_pages", native_alloc_pages);

static dva_t native_napi_get_frags(dva_t napi)
{
	dva_t skb = win_read64(napi + K_NAPI_STRUCT_SKB);
	struct pool_object *o;

	if (skb)
		return skb;
	o = skb_take(PULL_MAX, true);
	if (!o)
		return 0;
	win_write64(napi + K_NAPI_STRUCT_SKB, o->dva);
	return o->dva;
}
NATIVE("napi_get_frags", native_napi_get_frags);

/* One bio_vec of skb_shared_info. */
static uint8_t *frag_of(uint8_t *shinfo, unsigned int i)
{
	return shinfo + K_SKB_SHARED_INFO_FRAGS + i * K_SIZEOF_BIO_VEC;
}

void frags_set(uint8_t *shinfo, unsigned int i, dva_t at, uint32_t n)
{
	uint8_t *frag = frag_of(shinfo, i);

	SET(frag, BIO_VEC_BV_PAGE, page_at(at));
	SET(frag, BIO_VEC_BV_LEN, n);
	SET(frag, BIO_VEC_BV_OFFSET, at % PAGE_SIZE);
}

dva_t frags_add(struct pool_object *skb, struct pool_object *page, uint32_t n)
{
	uint8_t *shinfo = skb->data + skb->bytes;
	unsigned int i = GET(shinfo, SKB_SHARED_INFO_NR_FRAGS);

	frags_set(shinfo, i, page->dva, n);
	SET(shinfo, SKB_SHARED_INFO_NR_FRAGS, i + 1);
	SET(skb->hva, SK_BUFF_TRUESIZE, GET(skb->hva, SK_BUFF_TRUESIZE) + PAGE_SIZE);
	pool_tie(skb, page);
	return page_at(page->dva);
}

/* The page tied last is the last fragment. */
bool frags_are_own(const struct pool_object *skb)
{
	uint8_t *shinfo = skb->data + skb->bytes;
	unsigned int i = GET(shinfo, SKB_SHARED_INFO_NR_FRAGS);
	const struct pool_object *page = skb->pages;

	for (; page && i > 0 && i <= FRAGS_MAX; page = page->pages)
		if (GET(frag_of(shinfo, --i), BIO_VEC_BV_PAGE) != page_at(page->dva))
			return false;
	return !page && !i;
}

static void open_skb(dva_t dva, struct skb_pages *f)
{
	uint32_t end;

	f->dva = dva;
	f->skb = pool_dvm_ptr(dva, K_SIZEOF_SK_BUFF);
	if (!f->skb)
		native_kill("skb %lx is no memory of the driver VM", dva);
	f->o = pool_find(dva);
	if (f->o && f->o->kind != CASTOR_SKB)
		native_kill("skb %lx is a buffer", dva);
	end = GET(f->skb, SK_BUFF_END);
	f->shinfo = end > 65536 ? NULL
				: pool_dvm_ptr(GET(f->skb, SK_BUFF_HEAD) + end,
					       K_SIZEOF_SKB_SHARED_INFO);
	f->len = GET(f->skb, SK_BUFF_LEN);
	f->frags = f->shinfo ? GET(f->shinfo, SKB_SHARED_INFO_NR_FRAGS) : 0;
	if (!f->frags || f->frags > FRAGS_MAX || f->len != GET(f->skb, SK_BUFF_DATA_LEN) ||
	    GET(f->shinfo, SKB_SHARED_INFO_FRAG_LIST))
		native_kill("skb %lx is no chain of pages", dva);
}

/* Each fragment inside one page of the dvm's RAM, none empty, all of them together the frame. */
static void read_frags(struct skb_pages *f)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < f->frags; i++) {
		const uint8_t *frag = frag_of(f->shinfo, i);
		uint32_t off = GET(frag, BIO_VEC_BV_OFFSET), len = GET(frag, BIO_VEC_BV_LEN);
		dva_t at = address_of(GET(frag, BIO_VEC_BV_PAGE));
		uint8_t *p = pool_dvm_ptr(at, PAGE_SIZE);

		if (!p || at % PAGE_SIZE || off > PAGE_SIZE || !len || len > PAGE_SIZE - off)
			native_kill("fragment %u of skb %lx: page at %lx", i, f->dva, at);
		f->seg[i] = (struct packet_seg){ p + off, len };
		sum += len;
	}
	/* The stack's headers must be in the first page, with a byte left behind them. */
	if (sum != f->len || f->seg[0].len <= ETH_HLEN)
		native_kill("skb %lx of %u bytes, %u in its fragments", f->dva, f->len, sum);
}

void frags_take(dva_t napi, struct skb_pages *out)
{
	open_skb(win_read64(napi + K_NAPI_STRUCT_SKB), out);
	read_frags(out);
	win_write64(napi + K_NAPI_STRUCT_SKB, 0);
}

void frags_pull(const struct skb_pages *f)
{
	uint8_t *frag = frag_of(f->shinfo, 0), *to;
	uint32_t n = MIN(f->seg[0].len - 1, (uint32_t)PULL_MAX);
	uint32_t tail = GET(f->skb, SK_BUFF_TAIL), end = GET(f->skb, SK_BUFF_END);

	to = pool_dvm_ptr(GET(f->skb, SK_BUFF_HEAD) + tail, n);
	if (!to || tail > end || n > end - tail)
		native_kill("skb %lx has no room for headers", f->dva);
	memcpy(to, f->seg[0].data, n);
	SET(f->skb, SK_BUFF_TAIL, tail + n);
	SET(f->skb, SK_BUFF_DATA_LEN, f->len - n);
	SET(frag, BIO_VEC_BV_OFFSET, GET(frag, BIO_VEC_BV_OFFSET) + n);
	SET(frag, BIO_VEC_BV_LEN, f->seg[0].len - n);
	SET(f->skb, SK_BUFF_PROTOCOL, skb_type_trans(f->dva, twin_att.netdev));
}

static struct pool_object *page_of(const struct skb_pages *f, unsigned int i)
{
	return pool_find(address_of(GET(frag_of(f->shinfo, i), BIO_VEC_BV_PAGE)));
}

void frags_give(const struct skb_pages *f)
{
	for (unsigned int i = 0; i < f->frags; i++) {
		struct pool_object *page = page_of(f, i);

		if (page)
			pool_give(page);
	}
	if (f->o)
		pool_give(f->o);
}

/*
 * A page of the dvm's own, posted by its own instance, becomes ours. Where the table is full it
 * cannot, and is lost: the dvm would have to be asked to free it.
 */
static void recycle_page(dva_t at)
{
	struct pool_object *o = pool_find(at);

	if (!o)
		o = pool_adopt(at, PAGE_SIZE, CASTOR_PAGE);
	if (o)
		pool_put(o);
	else
		pool_lost(0);
}

/* Drops fragments from number `first` on. */
static void drop_frags(const struct skb_pages *f, unsigned int first)
{
	for (unsigned int i = first; i < f->frags; i++)
		recycle_page(address_of(GET(frag_of(f->shinfo, i), BIO_VEC_BV_PAGE)));
	SET(f->shinfo, SKB_SHARED_INFO_NR_FRAGS, first);
}

void frags_recycle(const struct skb_pages *f)
{
	struct castor_slot slot = { .dva = f->dva, .kind = CASTOR_SKB };

	if (f->o) {
		drop_frags(f, 0);
		pool_put(f->o);
		return;
	}
	frags_give(f);
	if (castor_push(CASTOR_RING_FREE, &slot))
		pool_lost(0);
}

/* The driver cuts the checksum off the end of a chain. */
static int native_pskb_trim(dva_t skb, uint32_t len)
{
	struct skb_pages f;
	uint32_t begin = 0;
	unsigned int i = 0;

	open_skb(skb, &f);
	read_frags(&f);
	if (len >= f.len)
		return 0;
	while (i < f.frags && begin + f.seg[i].len < len)
		begin += f.seg[i++].len;
	if (begin < len)
		SET(frag_of(f.shinfo, i++), BIO_VEC_BV_LEN, len - begin);
	drop_frags(&f, i);
	SET(f.skb, SK_BUFF_LEN, len);
	SET(f.skb, SK_BUFF_DATA_LEN, len);
	return 0;
}
NATIVE("___pskb_trim", native_pskb_trim);
