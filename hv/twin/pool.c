/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of donated buffers: open hashing by address, one free list per kind. */
#include "twin/pool.h"

#include "lib/string.h"
#include "kernel_abi.h"
#include "twin/native.h"
#include "vm/mem.h"
#include "vm/vm.h"

#define OBJECTS 4096
#define BUCKETS 8192 /* power of two, at most half full */
#define KINDS   4

struct pool_counts pool_counts;

static struct pool_object object[OBJECTS];
static uint16_t unused[OBJECTS]; /* stack of free entries of object[] */
static unsigned int unused_count;
static uint16_t bucket[BUCKETS];      /* index + 1; 0 = empty */
static uint16_t list[KINDS][OBJECTS]; /* stacks of pooled objects */
static unsigned int list_count[KINDS];
static unsigned int out_count[KINDS];

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
	*o = (struct pool_object){ .dva = dva, .kind = kind };
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
	memset(object, 0, sizeof(object));
	memset(bucket, 0, sizeof(bucket));
	memset(list_count, 0, sizeof(list_count));
	memset(&pool_counts, 0, sizeof(pool_counts));
	memset(out_count, 0, sizeof(out_count));
	for (unused_count = 0; unused_count < OBJECTS; unused_count++)
		unused[unused_count] = OBJECTS - 1 - unused_count;
}

/* Reads where a donated skb has its buffer, once, and checks that it is RAM of the dvm. */
static bool find_data(struct pool_object *o)
{
	uint32_t end;

	memcpy(&o->data_dva, o->hva + K_SK_BUFF_HEAD, 8);
	memcpy(&end, o->hva + K_SK_BUFF_END, 4);
	if (end < 1600 || end > 65536)
		return false;
	o->bytes = end;
	o->data = pool_dvm_ptr(o->data_dva, end + K_SIZEOF_SKB_SHARED_INFO);
	return o->data != NULL;
}

static struct pool_object *add(const struct castor_slot *slot)
{
	uint64_t len = slot->kind == CASTOR_FRAG ? slot->bytes : K_SIZEOF_SK_BUFF;
	uint8_t *hva = len ? pool_dvm_ptr(slot->dva, len) : NULL;
	struct pool_object *o;
	unsigned int at;

	if (!hva || slot->kind < CASTOR_SKB || slot->kind > CASTOR_FRAG || lookup(slot->dva, &at))
		return NULL;
	o = insert(slot->dva, slot->kind);
	if (!o)
		return NULL;
	o->hva = hva;
	o->bytes = slot->kind == CASTOR_FRAG ? slot->bytes : 0;
	o->out = true;
	out_count[o->kind]++;
	if (slot->kind == CASTOR_SKB && !find_data(o)) {
		pool_forget(o);
		return NULL;
	}
	return o;
}

void pool_donate(const struct castor_slot *slot)
{
	struct castor_slot copy = *slot; /* the ring is the dvm's memory: read once */
	struct pool_object *o = add(&copy);

	if (!o) {
		pool_counts.refused++;
		return;
	}
	pool_counts.donated++;
	pool_put(o);
}

struct pool_object *pool_adopt(dva_t dva, uint32_t bytes)
{
	struct castor_slot slot = { .dva = dva, .bytes = bytes, .kind = CASTOR_FRAG };
	struct pool_object *o = add(&slot);

	pool_counts.adopted += o != NULL;
	return o;
}

struct pool_object *pool_take(enum castor_kind kind, uint32_t bytes)
{
	struct pool_object *o;

	if (!list_count[kind] ||
	    (o = &object[list[kind][list_count[kind] - 1]], o->bytes < bytes)) {
		pool_counts.empty++;
		return NULL;
	}
	list_count[kind]--;
	o->out = true;
	out_count[kind]++;
	return o;
}

struct pool_object *pool_find(dva_t dva)
{
	unsigned int at;
	struct pool_object *o = lookup(dva, &at);

	return o && o->out ? o : NULL;
}

void pool_put(struct pool_object *o)
{
	o->out = false;
	out_count[o->kind]--;
	list[o->kind][list_count[o->kind]++] = o - object;
}

void pool_forget(struct pool_object *o)
{
	unsigned int at;

	if (!o->out || lookup(o->dva, &at) != o)
		return;
	bucket_remove(at);
	out_count[o->kind]--;
	o->kind = 0;
	unused[unused_count++] = o - object;
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
	return out_count[CASTOR_SKB] + out_count[CASTOR_HEAD] + out_count[CASTOR_FRAG];
}

struct pool_object *pool_take_any(void)
{
	for (unsigned int k = CASTOR_SKB; k <= CASTOR_FRAG; k++)
		if (list_count[k])
			return pool_take(k, 0);
	return NULL;
}

uint32_t pool_leave(void)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < OBJECTS; i++)
		if (object[i].kind && object[i].out) {
			pool_forget(&object[i]);
			n++;
		}
	pool_counts.left += n;
	return n;
}
