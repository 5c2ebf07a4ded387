/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of donated buffers: open hashing by address, one free list per kind. */
#include "twin/pool.h"

#include "lib/string.h"
#include "kernel_abi.h"
#include "twin/loan.h"
#include "twin/native.h"
#include "vm/mem.h"
#include "vm/vm.h"

#define OBJECTS 4096
#define BUCKETS 8192 /* power of two, at most half full */
#define KINDS   5
#define STALE   0 /* list of objects of any kind that are too small now */

struct pool_counts pool_counts;

static struct pool_object object[OBJECTS];
static uint16_t unused[OBJECTS]; /* stack of free entries of object[] */
static unsigned int unused_count;
static uint16_t bucket[BUCKETS];      /* index + 1; 0 = empty */
static uint16_t list[KINDS][OBJECTS]; /* stacks of pooled objects */
static unsigned int list_count[KINDS];
static unsigned int out_count[KINDS];
static unsigned int handed_count;
static unsigned int tied_count;
static uint32_t need[KINDS]; /* least size of a pooled object */
static uint32_t now;         /* number of the invocation */
static struct {
	uint64_t given, returned;
	uint32_t slots; /* that `returned` takes of castor's ring */
} journal;              /* what left the table in it */

void *pool_dvm_ptr(dva_t dva, uint64_t len)
{
	gpa_t gpa = dva - twin_att.page_offset_base;

	return gpa < twin_att.dvm_bytes ? vm_ram(twin_att.dvm, gpa, len) : NULL;
}

static unsigned int hash(dva_t dva)
{
	return (dva >> 5) * 0x9e3779b97f4a7c15UL >> 51; /* 13 bits */
}

static struct pool_object *lookup(dva_t dva, unsigned int *at)
{
	for (unsigned int i = hash(dva), n = 0; n < BUCKETS; n++, i = (i + 1) & (BUCKETS - 1)) {
		if (!bucket[i])
			return NULL;
		if (object[bucket[i] - 1].dva == dva) {
			*at = i;
			return &object[bucket[i] - 1];
		}
	}
	return NULL;
}

static struct pool_object *insert(dva_t dva, enum castor_kind kind)
{
	struct pool_object *o;
	unsigned int i = hash(dva);

	if (!unused_count)
		return NULL;
	while (bucket[i])
		i = (i + 1) & (BUCKETS - 1);
	bucket[i] = unused[--unused_count] + 1;
	o = &object[bucket[i] - 1];
	*o = (struct pool_object){ .dva = dva, .kind = kind, .stamp = now };
	return o;
}

/* Closes the gap that a removed entry leaves, so that a search never stops short of a later one. */
static void bucket_remove(unsigned int gap)
{
	for (unsigned int i = (gap + 1) & (BUCKETS - 1); bucket[i]; i = (i + 1) & (BUCKETS - 1)) {
		unsigned int home = hash(object[bucket[i] - 1].dva);

		if (((i - home) & (BUCKETS - 1)) >= ((i - gap) & (BUCKETS - 1))) {
			bucket[gap] = bucket[i];
			gap = i;
		}
	}
	bucket[gap] = 0;
}

void pool_reset(void)
{
	loan_orphan_all();
	memset(object, 0, sizeof(object));
	memset(bucket, 0, sizeof(bucket));
	memset(list_count, 0, sizeof(list_count));
	memset(&pool_counts, 0, sizeof(pool_counts));
	memset(out_count, 0, sizeof(out_count));
	handed_count = tied_count = 0;
	memset(need, 0, sizeof(need));
	for (unused_count = 0; unused_count < OBJECTS; unused_count++)
		unused[unused_count] = OBJECTS - 1 - unused_count;
}

/* Reads where a donated skb has its buffer, once, and checks that it is RAM of the dvm. */
static bool find_data(struct pool_object *o)
{
	uint32_t end;

	memcpy(&o->data_dva, o->hva + K_SK_BUFF_HEAD, 8);
	memcpy(&end, o->hva + K_SK_BUFF_END, 4);
	if (end > 65536)
		return false;
	o->bytes = end;
	o->data = pool_dvm_ptr(o->data_dva, end + K_SIZEOF_SKB_SHARED_INFO);
	return o->data != NULL;
}

static bool is_buffer(uint32_t kind)
{
	return kind == CASTOR_FRAG || kind == CASTOR_PAGE;
}

static struct pool_object *add(const struct castor_slot *slot)
{
	uint64_t len = is_buffer(slot->kind) ? slot->bytes : K_SIZEOF_SK_BUFF;
	uint8_t *hva = len ? pool_dvm_ptr(slot->dva, len) : NULL;
	struct pool_object *o;
	unsigned int at;

	if (!hva || slot->kind < CASTOR_SKB || slot->kind > CASTOR_PAGE || lookup(slot->dva, &at))
		return NULL;
	if (slot->kind == CASTOR_PAGE && (slot->dva % PAGE_SIZE || slot->bytes != PAGE_SIZE))
		return NULL;
	o = insert(slot->dva, slot->kind);
	if (!o)
		return NULL;
	o->hva = hva;
	if (is_buffer(slot->kind)) {
		o->data_dva = slot->dva;
		o->data = hva;
		o->bytes = slot->bytes;
	}
	o->out = true;
	out_count[o->kind]++;
	if (slot->kind == CASTOR_SKB && !find_data(o)) {
		pool_forget(o);
		return NULL;
	}
	return o;
}

/*
 * A fragment or page that was out, in the driver's ring, and is donated: the dvm has freed it, in a
 * reset of its rings, and got it again. Nobody tells of that, as skbs' destructors do.
 */
static void forget_freed(const struct castor_slot *slot)
{
	struct pool_object *o = pool_find(slot->dva);

	if (!o || !is_buffer(o->kind))
		return;
	pool_counts.returned += pool_forget(o);
}

void pool_donate(const struct castor_slot *slot)
{
	struct castor_slot copy = *slot; /* the ring is the dvm's memory: read once */
	struct pool_object *o;

	forget_freed(&copy);
	o = add(&copy);
	if (!o) {
		pool_counts.refused++;
		return;
	}
	pool_counts.donated++;
	pool_put(o);
}

struct pool_object *pool_adopt(dva_t dva, uint32_t bytes, enum castor_kind kind)
{
	struct castor_slot slot = { .dva = dva, .bytes = bytes, .kind = kind };
	struct pool_object *o = add(&slot);

	pool_counts.adopted += o != NULL;
	return o;
}

static void list_add(unsigned int id, const struct pool_object *o)
{
	list[id][list_count[id]++] = o - object;
}

static struct pool_object *list_pop(unsigned int id)
{
	return list_count[id] ? &object[list[id][--list_count[id]]] : NULL;
}

/* Where an object that is not out belongs. */
static unsigned int list_of(const struct pool_object *o)
{
	return o->bytes < need[o->kind] ? STALE : o->kind;
}

/* R16: a size change empties the pool of what is too small now. False: no object is so large. */
static bool __noinline renew(enum castor_kind kind, uint32_t bytes)
{
	unsigned int n = list_count[kind];

	if (bytes > PAGE_SIZE)
		return false;
	need[kind] = bytes;
	list_count[kind] = 0;
	for (unsigned int i = 0; i < n; i++)
		list_add(list_of(&object[list[kind][i]]), &object[list[kind][i]]);
	pool_counts.renewed++;
	return true;
}

static void leaves_pool(struct pool_object *o)
{
	o->out = true;
	o->stamp = now;
	out_count[o->kind]++;
}

struct pool_object *pool_take(enum castor_kind kind, uint32_t bytes)
{
	struct pool_object *o = NULL;

	if (bytes <= need[kind] || renew(kind, bytes))
		o = list_pop(kind);
	if (o)
		leaves_pool(o);
	else
		pool_counts.empty++;
	return o;
}

uint32_t pool_need(enum castor_kind kind)
{
	return need[kind];
}

struct pool_object *pool_find(dva_t dva)
{
	unsigned int at;
	struct pool_object *o = lookup(dva, &at);

	return o && o->out && !o->tied ? o : NULL;
}

void pool_tie(struct pool_object *skb, struct pool_object *page)
{
	page->pages = skb->pages;
	page->tied = true;
	skb->pages = page;
	tied_count++;
}

uint32_t pool_tied(void)
{
	return tied_count;
}

/* One page of an skb's, tied no more; NULL: there is none. */
static struct pool_object *untie(struct pool_object *skb)
{
	struct pool_object *page = skb->tied ? NULL : skb->pages;

	if (!page)
		return NULL;
	skb->pages = page->pages;
	page->pages = NULL;
	page->tied = false;
	tied_count--;
	return page;
}

static void set_handed(struct pool_object *o, bool handed)
{
	handed_count += handed - o->handed;
	o->handed = handed;
}

static void put_one(struct pool_object *o)
{
	o->out = false;
	set_handed(o, false);
	o->stamp = now;
	out_count[o->kind]--;
	list_add(list_of(o), o);
}

static void __noinline put_pages(struct pool_object *skb)
{
	struct pool_object *page;

	while ((page = untie(skb)))
		put_one(page);
}

/* A hostile twin may free what waits in the transmit queue: whoever comes second does nothing. */
void pool_put(struct pool_object *o)
{
	if (!o->kind || !o->out)
		return;
	if (o->loan)
		loan_end(o);
	if (o->pages)
		put_pages(o);
	put_one(o);
}

static uint32_t forget_one(struct pool_object *o)
{
	unsigned int at;

	if (lookup(o->dva, &at) != o)
		return 0;
	bucket_remove(at);
	set_handed(o, false);
	out_count[o->kind]--;
	o->kind = 0;
	unused[unused_count++] = o - object;
	return 1;
}

uint32_t pool_forget(struct pool_object *o)
{
	struct pool_object *page;
	uint32_t n = 0;

	if (!o->kind || !o->out)
		return 0;
	if (o->loan)
		loan_orphan(o);
	while ((page = untie(o)))
		n += forget_one(page);
	return n + forget_one(o);
}

void pool_give(struct pool_object *o)
{
	uint32_t n = pool_forget(o);

	pool_counts.given += n;
	journal.given += n;
}

void pool_give_tied(struct pool_object *o)
{
	struct pool_object *page;

	if (!o->kind || !o->out)
		return;
	while ((page = untie(o)))
		pool_give(page);
	put_one(o);
}

uint32_t pool_give_back(struct pool_object *o)
{
	uint32_t n = pool_forget(o);

	pool_counts.returned += n;
	journal.returned += n;
	journal.slots++;
	return n;
}

void pool_lost(uint32_t ours)
{
	if (!ours) {
		pool_counts.foreign++;
		return;
	}
	pool_counts.returned -= ours;
	journal.returned -= ours;
	journal.slots--;
	pool_counts.leaked += ours;
}

void pool_hand_over(struct pool_object *o, bool driver)
{
	o->stamp = driver ? now : now - 1;
	for (struct pool_object *page = o->pages; page; page = page->pages)
		page->stamp = o->stamp;
	if (o->kind && o->out)
		set_handed(o, driver);
}

uint32_t pool_handed(void)
{
	return handed_count;
}

void pool_begin(void)
{
	now++;
	memset(&journal, 0, sizeof(journal));
}

uint32_t pool_given_back(void)
{
	return journal.slots;
}

/* Takes what the journal names out of a list, so that all of it is out. */
static void unlist(unsigned int id)
{
	unsigned int n = list_count[id];

	list_count[id] = 0;
	for (unsigned int i = 0; i < n; i++) {
		struct pool_object *o = &object[list[id][i]];

		if (o->stamp == now)
			leaves_pool(o);
		else
			list_add(id, o);
	}
}

uint32_t pool_leak(void)
{
	uint32_t n = journal.given + journal.returned;

	pool_counts.given -= journal.given; /* they never arrived */
	pool_counts.returned -= journal.returned;
	for (unsigned int k = 0; k < KINDS; k++)
		unlist(k);
	for (unsigned int i = 0; i < OBJECTS; i++)
		if (object[i].kind && object[i].stamp == now && !object[i].tied)
			n += pool_forget(&object[i]);
	pool_counts.leaked += n;
	pool_begin();
	return n;
}

uint32_t pool_level(enum castor_kind kind)
{
	return list_count[kind];
}

uint32_t pool_out_kind(enum castor_kind kind)
{
	return out_count[kind];
}

uint32_t pool_out(void)
{
	return out_count[CASTOR_SKB] + out_count[CASTOR_HEAD] + out_count[CASTOR_FRAG] +
	       out_count[CASTOR_PAGE];
}

struct pool_object *pool_take_any(void)
{
	struct pool_object *o = NULL;

	for (unsigned int k = 0; k < KINDS && !o; k++)
		o = list_pop(k);
	if (o)
		leaves_pool(o);
	return o;
}

struct pool_object *pool_take_stale(void)
{
	struct pool_object *o = list_pop(STALE);

	if (o)
		leaves_pool(o);
	return o;
}

uint32_t pool_stale(void)
{
	return list_count[STALE];
}

static uint32_t leave(bool buffers_alone)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < OBJECTS; i++) {
		struct pool_object *o = &object[i];

		if (!o->kind || !o->out || o->tied || (buffers_alone && !is_buffer(o->kind)))
			continue;
		n += pool_forget(o);
	}
	pool_counts.left += n;
	return n;
}

uint32_t pool_leave(void)
{
	return leave(false);
}

uint32_t pool_leave_rings(void)
{
	return leave(true);
}
