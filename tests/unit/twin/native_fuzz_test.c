/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * R14: every native, called directly with random arguments on random contents of the driver VM's
 * memory. Each call returns or ends the invocation. The address sanitizer and the unmapped pages
 * around the driver VM's RAM see whatever else is touched; the pool's equation must hold all the
 * time. Seed and number of calls: native_fuzz_test SEED CALLS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dvm_ram.h"
#include "kernel_abi.h"
#include "net/net.h"
#include "net/switch.h"
#include "twin/castor.h"
#include "twin/interface.h"
#include "twin/native.h"
#include "twin/native_frags.h"
#include "twin/native_skb.h"
#include "twin/receive.h"
#include "twin/receive_own.h"
#include "twin/run.h"
#include "twin/transmit.h"
#include "twin/uplink.h"
#include "twin/win.h"
#include "vm/mem.h"
#include "tests/fuzz/random.h"

#define BASE       DVM_BASE
#define VMEMMAP    0xffffea0000000000UL
#define RAM        DVM_RAM
#define OBJECTS    512 /* a page each */
#define NATIVES    64
#define SCRATCH    (OBJECTS * 4096UL) /* structures of the kernel, behind the donated pages */
#define ATTACHMENT 4096               /* calls */

struct twin_pending twin_pending;
struct transmit_counts transmit_counts;
uint64_t tsc_khz = 1000;
extern const struct native __native_start[], __native_end[];

static jmp_buf invocation;
static struct net_switch sw;
static struct port port;
static uint64_t calls = 1000000, seed = 1;
static uint64_t ended[NATIVES], returned[NATIVES];
static volatile uint8_t sink;

/* ---- what the natives call ---- */

uint8_t *refusing_window(dva_t a, uint64_t n)
{
	uint8_t *p = a >= BASE ? vm_ram(NULL, a - BASE, n) : NULL;

	if (!p)
		longjmp(invocation, 1);
	return p;
}

void native_kill(const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	longjmp(invocation, 1);
}

uint64_t tsc_now(void)
{
	return rnd();
}

uint64_t run_jiffies(void)
{
	return rnd();
}

int castor_push(enum castor_ring_id id, const struct castor_slot *slot)
{
	(void)id;
	(void)slot;
	return rnd() % 4 ? 0 : -1;
}

bool castor_room(enum castor_ring_id id)
{
	(void)id;
	return rnd() % 4;
}

uint8_t *castor_frame(void)
{
	static uint8_t frame[CASTOR_FRAME_MAX];

	return frame;
}

struct net_switch *net_switch(void)
{
	return &sw;
}

struct port *uplink_port(void)
{
	return &port;
}

bool uplink_is_dvm_address(const uint8_t *mac)
{
	return mac[5] & 1;
}

bool interface_has(uint64_t features)
{
	(void)features;
	return rnd() % 8;
}

bool switch_merges(const struct net_switch *s, const struct packet *pkt)
{
	(void)s;
	(void)pkt;
	return rnd() % 4;
}

/* A receiver reads every byte of it. */
int switch_input(struct net_switch *s, struct port *from, struct packet *pkt)
{
	(void)s;
	(void)from;
	for (unsigned int i = 0; i < pkt->segs; i++)
		for (uint32_t n = 0; n < pkt->seg[i].len; n++)
			sink ^= pkt->seg[i].data[n];
	return 0;
}

/* ---- what is random ---- */

static uint64_t any_address(void)
{
	switch (rnd() % 8) {
	case 0:
		return BASE + RAM - rnd() % 300; /* its end */
	case 1:
		return VMEMMAP + rnd() % (RAM / 4096 + 2) * K_SIZEOF_PAGE;
	case 2:
		return rnd();
	case 3:
		return BASE + rnd() % RAM;
	case 4:
	case 5:
		return BASE + SCRATCH + rnd() % 16 * 512;
	default:
		return BASE + rnd() % OBJECTS * 4096; /* donated, perhaps */
	}
}

static uint64_t any_number(void)
{
	static const uint64_t likely[] = { 0,          1,          14,    60,    1514,
					   2048,       4096,       65535, 65536, 0x7fffffff,
					   0x80000000, 0xffffffff, ~0UL };

	switch (rnd() % 4) {
	case 0:
		return likely[rnd() % ARRAY_SIZE(likely)];
	case 1:
		return rnd() % 2048;
	default:
		return rnd() >> rnd() % 64;
	}
}

static uint64_t any_argument(void)
{
	return rnd() % 4 ? any_address() : any_number();
}

/* An skb whose fields are right, or one of them is not. */
static void scramble_skb(uint8_t *skb, uint8_t *data)
{
	uint32_t end = rnd() % 2 ? 2048 : rnd() % 3800, len = rnd() % (end + 1);

	if (data + end + K_SIZEOF_SKB_SHARED_INFO > dvm_ram + RAM)
		return;
	SET(skb, SK_BUFF_HEAD, BASE + (data - dvm_ram));
	SET(skb, SK_BUFF_DATA, BASE + (data - dvm_ram) + rnd() % 64);
	SET(skb, SK_BUFF_END, end);
	SET(skb, SK_BUFF_TAIL, rnd() % (end + 1));
	SET(skb, SK_BUFF_LEN, len);
	SET(skb, SK_BUFF_DATA_LEN, rnd() % 2 ? 0 : len);
	SET(skb, SK_BUFF_MAC_HEADER, rnd() % 128);
	SET(skb, SK_BUFF_USERS, 1);
	SET(data + end, SKB_SHARED_INFO_NR_FRAGS, rnd() % 20);
	SET(data + end, SKB_SHARED_INFO_FRAG_LIST, rnd() % 8 ? 0 : any_address());
	SET(data + end, SKB_SHARED_INFO_DATAREF, 1);
	for (uint8_t *f = data + end + K_SKB_SHARED_INFO_FRAGS, *last = f + 17 * K_SIZEOF_BIO_VEC;
	     f < last; f += K_SIZEOF_BIO_VEC) {
		SET(f, BIO_VEC_BV_PAGE, VMEMMAP + rnd() % OBJECTS * K_SIZEOF_PAGE);
		SET(f, BIO_VEC_BV_LEN, rnd() % 2 ? len / 2 : any_number());
		SET(f, BIO_VEC_BV_OFFSET, rnd() % 2 ? 0 : any_number());
	}
	if (rnd() % 4 == 0)
		field_set(skb, rnd() % (K_SIZEOF_SK_BUFF - 8), 1UL << rnd() % 4, any_argument());
}

/* A TCP segment that can be merged with the one before. */
static void fill_segment(uint8_t *f, uint32_t payload)
{
	static uint32_t seq;
	uint32_t sum = 0;

	memset(f, 0, 54);
	f[5] = f[11] = 2;
	memcpy(f + 12, "\x08\x00\x45", 3);
	put_be16(f + 16, 40 + payload);
	put_be16(f + 20, 0x4000);
	f[23] = 6;
	for (int i = 14; i < 34; i += 2)
		sum += get_be16(f + i);
	put_be16(f + 24, ~(sum + (sum >> 16)));
	put_be32(f + 38, seq);
	seq += payload;
	f[46] = 0x50;
	f[47] = 0x10;
}

/* In an skb of the pool, whose address is returned; 0: there is none. */
static dva_t segment_skb(void)
{
	struct pool_object *head = pool_take(CASTOR_HEAD, 0);
	struct pool_object *data = pool_take(CASTOR_FRAG, 2048);
	uint32_t payload = 100 + rnd() % 2;

	if (!head || !data)
		return 0;
	skb_init(head->hva, data->hva, data->dva, 1024, true, false);
	fill_segment(data->hva + 64, payload);
	SET(head->hva, SK_BUFF_MAC_HEADER, 64);
	SET(head->hva, SK_BUFF_LEN, 40 + payload);
	SET_BITS(head->hva, SK_BUFF_IP_SUMMED, 1);
	return head->dva;
}

/* A chain of pages as e1000 makes it, in napi->skb. */
static void chain_skb(uint8_t *skb, uint8_t *data)
{
	uint32_t frags = 1 + rnd() % 4, len = 0;
	uint8_t *shinfo = data + 1024;

	for (uint32_t i = 0; i < frags; i++) {
		uint8_t *f = shinfo + K_SKB_SHARED_INFO_FRAGS + i * K_SIZEOF_BIO_VEC;
		uint32_t n = 64 + rnd() % 4000;

		SET(f, BIO_VEC_BV_PAGE, VMEMMAP + rnd() % OBJECTS * K_SIZEOF_PAGE);
		SET(f, BIO_VEC_BV_LEN, n);
		SET(f, BIO_VEC_BV_OFFSET, 0);
		len += n;
	}
	SET(skb, SK_BUFF_HEAD, BASE + (data - dvm_ram));
	SET(skb, SK_BUFF_DATA, BASE + (data - dvm_ram) + 64);
	SET(skb, SK_BUFF_TAIL, 64);
	SET(skb, SK_BUFF_END, 1024);
	SET(skb, SK_BUFF_LEN, len);
	SET(skb, SK_BUFF_DATA_LEN, len);
	SET(shinfo, SKB_SHARED_INFO_NR_FRAGS, frags);
	SET(shinfo, SKB_SHARED_INFO_FRAG_LIST, 0);
	field_set(dvm_ram, SCRATCH + rnd() % 16 * 512 + K_NAPI_STRUCT_SKB, 8,
		  BASE + (skb - dvm_ram));
}

static void scramble(void)
{
	uint8_t *page = dvm_ram + rnd() % OBJECTS * 4096;

	if (rnd() % 2)
		scramble_skb(page, rnd() % 2 ? page + 256 : dvm_ram + rnd() % OBJECTS * 4096);
	else
		chain_skb(page, page + 256);
	if (rnd() % 4 == 0)
		field_set(dvm_ram, SCRATCH + rnd() % 16 * 512 + rnd() % 500, 8, any_argument());
}

static void donate(void)
{
	struct castor_slot slot = { .dva = BASE + rnd() % OBJECTS * 4096,
				    .bytes = rnd() % 2 ? 4096 : rnd() % 5000,
				    .kind = 1 + rnd() % 4 };

	pool_donate(&slot);
}

/* What is too small by now goes back to castor, which gives something else (supply.c). */
static void supply(void)
{
	struct pool_object *o;

	while ((o = pool_take_stale()))
		pool_counts.returned += pool_forget(o);
	donate();
}

static void end_invocation(void)
{
	receive_flush();
	own_end(false);
}

static uint64_t merged_so_far(void)
{
	struct receive_merged merged = receive_merged();

	assert_true(merged.segments >= 2 * merged.frames);
	return merged.frames;
}

/*
 * The driver keeps what is in its rings, castor takes back the rest and says hello anew: with all
 * pages lost, or too small for a wish made once, nothing would be merged or sent any more.
 */
static void attach_again(void)
{
	static uint64_t merged;
	struct pool_object *o;

	end_invocation();
	pool_leave();
	while ((o = pool_take_any()))
		pool_counts.returned += pool_forget(o);
	assert_pool_adds_up();
	assert_int_equal(pool_out() + pool_tied() + pool_handed(), 0);
	assert_true(merged_so_far() > merged);
	merged = merged_so_far();
	pool_reset();
}

/* A guest's large frame, that waits or that the driver has. */
static void send_frame(void)
{
	struct pool_object *skb = pool_take(CASTOR_SKB, 0), *page;

	if (!skb)
		return;
	SET(skb->data + skb->bytes, SKB_SHARED_INFO_NR_FRAGS, 0);
	for (uint32_t n = rnd() % 5; n > 0 && (page = pool_take(CASTOR_PAGE, 0)); n--)
		frags_add(skb, page, 4096);
	pool_hand_over(skb, rnd() % 2);
}

/* ---- the test ---- */

typedef uint64_t (*native_fn)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

/* Segments that are held while the twin does whatever it does, this for one. */
static void receive_row(native_fn napi_gro_receive)
{
	dva_t skb;

	for (int i = rnd() % 4; i && (skb = segment_skb()); i--) {
		napi_gro_receive(0, skb, 0, 0, 0, 0);
		if (rnd() % 4 == 0)
			scramble();
	}
}

static void call(unsigned int n)
{
	native_fn fn;

	fn = (void *)(uintptr_t)__native_start[n].fn;
	if (setjmp(invocation)) {
		ended[n]++;
		receive_flush();
		pool_leak();
		own_end(true);
		return;
	}
	if (strcmp(__native_start[n].name, "napi_gro_receive") == 0 && rnd() % 2)
		receive_row(fn);
	else
		fn(any_argument(), any_argument(), any_argument(), any_argument(), any_argument(),
		   any_argument());
	returned[n]++;
	if (rnd() % 8 == 0) {
		receive_flush();
		own_end(false);
		pool_begin();
	}
}

static void test_r14_natives_with_random_arguments(void **unused)
{
	unsigned int natives = __native_end - __native_start;
	uint64_t tied = 0; /* calls with a large frame under way */

	(void)unused;
	assert_in_range(natives, 20, NATIVES);
	for (uint64_t i = 0; i < calls; i++) {
		if (i % 3 == 0)
			scramble();
		if (i % ATTACHMENT == ATTACHMENT - 1)
			attach_again();
		if (i % 4 == 0) { /* between two invocations */
			end_invocation();
			supply();
			pool_begin();
		}
		if (i % 16 == 0)
			send_frame();
		call(rnd() % natives);
		tied += pool_tied() != 0;
		if (i % 64 == 0)
			assert_pool_adds_up();
	}
	end_invocation();
	assert_pool_adds_up();
	printf("%lu frames were merged of several, a large one was under way in %lu calls\n",
	       merged_so_far(), tied);
	assert_true(merged_so_far() > calls / 400);
	assert_true(tied > calls / 1000);
	/* A test whose natives all refuse, or none, would show nothing. */
	for (unsigned int n = 0; n < natives; n++) {
		printf("%-28s returned %7lu ended %7lu\n", __native_start[n].name, returned[n],
		       ended[n]);
		assert_int_not_equal(returned[n], 0);
	}
}

/* A frame of pages, in the attached napi, and one fragment more. False: the invocation ended. */
static bool taken_with_fragment_of(uint32_t bytes)
{
	uint8_t *skb = dvm_ram, *data = skb + 256, *shinfo = data + 1024;
	uint8_t *frag = shinfo + K_SKB_SHARED_INFO_FRAGS;
	uint32_t len, frags;
	struct skb_pages f;

	chain_skb(skb, data);
	field_set(dvm_ram, SCRATCH + 512 + K_NAPI_STRUCT_SKB, 8, BASE);
	frags = GET(shinfo, SKB_SHARED_INFO_NR_FRAGS);
	frag += frags * K_SIZEOF_BIO_VEC;
	len = GET(skb, SK_BUFF_LEN) + bytes;
	SET(frag, BIO_VEC_BV_PAGE, VMEMMAP);
	SET(frag, BIO_VEC_BV_LEN, bytes);
	SET(frag, BIO_VEC_BV_OFFSET, 0);
	SET(skb, SK_BUFF_LEN, len);
	SET(skb, SK_BUFF_DATA_LEN, len);
	SET(shinfo, SKB_SHARED_INFO_NR_FRAGS, frags + 1);
	if (setjmp(invocation))
		return false;
	frags_take(twin_att.napi, &f);
	return true;
}

/* What follows on an empty one would be missing: a packet's segments have bytes. */
static void test_r14_no_fragment_is_empty(void **unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 100; i++) {
		assert_true(taken_with_fragment_of(1));
		assert_false(taken_with_fragment_of(0));
	}
}

static int begin(void **unused)
{
	(void)unused;
	if (dvm_ram_begin())
		return -1;
	random_seed(seed);
	for (uint64_t i = 0; i < RAM; i += 8)
		field_set(dvm_ram, i, 8, rnd());
	twin_att.vmemmap_base = VMEMMAP;
	twin_att.netdev = BASE + SCRATCH;
	twin_att.napi = BASE + SCRATCH + 512;
	twin_att.txq = BASE + SCRATCH + 1024;
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_r14_natives_with_random_arguments, begin),
		cmocka_unit_test_setup(test_r14_no_fragment_is_empty, begin),
	};

	if (argc == 3) {
		seed = strtoul(argv[1], NULL, 10);
		calls = strtoul(argv[2], NULL, 10);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
