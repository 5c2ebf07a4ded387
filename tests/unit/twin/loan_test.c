/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames that are not copied (R16, R17): what the card is given is the guest's payload and nothing
 * else, and each chain comes back once, whatever becomes of the frame.
 */
#include "twin/loan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dvm_ram.h"
#include "kernel_abi.h"
#include "mem/layout.h"
#include "net/lend.h"
#include "sending_card.h"
#include "twin/castor.h"
#include "twin/native.h"
#include "twin/native_frags.h"
#include "twin/native_skb.h"
#include "twin/run.h"
#include "twin/transmit.h"

#define VMEMMAP 0xffffea0000000000UL
#define ROOM    2048
#define HEADERS 54
#define PAYLOAD 60000
#define SKBS    400
#define PAGES   (DVM_RAM / PAGE_SIZE - SKBS) /* of the pool */
#define CHAINS  4096

uint8_t guest_ram[HEADERS + PAYLOAD + 2 * PAGE_SIZE];
hpa_t guest_hpa;
struct twin_pending twin_pending;
struct transmit_counts transmit_counts;
uint64_t tsc_khz = 1000;
extern const struct native __native_start[], __native_end[];

static struct lender lender;
static struct packet pkt;
static struct packet_seg segs[FRAGS_MAX + 2];
static unsigned int back[CHAINS]; /* how often each chain came back */
static uint16_t last_back;
static uint16_t chain;

/* ---- what the natives call ---- */

uint8_t *refusing_window(dva_t a, uint64_t n)
{
	uint8_t *p = pool_dvm_ptr(a, n);

	assert_non_null(p);
	return p;
}

void native_kill(const char *fmt, ...)
{
	fail_msg("%s", fmt);
	abort();
}

uint64_t tsc_now(void)
{
	return 1;
}

uint64_t run_jiffies(void)
{
	return 1;
}

bool native_dvm_waits(dva_t txq)
{
	(void)txq;
	return false;
}

int castor_push(enum castor_ring_id id, const struct castor_slot *slot)
{
	(void)id;
	(void)slot;
	return 0;
}

static void *native(const char *name)
{
	for (const struct native *n = __native_start; n < __native_end; n++)
		if (!strcmp(n->name, name))
			return n->fn;
	fail_msg("no native %s", name);
	return NULL;
}

/* What the driver calls. */
static void completes(dva_t skb)
{
	((void (*)(dva_t, int))native("napi_consume_skb"))(skb, 64);
}

static hpa_t maps(dva_t page, uint64_t offset, uint64_t bytes)
{
	typedef uint64_t (*map_fn)(dva_t, dva_t, uint64_t, uint64_t, uint32_t, uint64_t);

	return ((map_fn)native("dma_map_page_attrs"))(0, page, offset, bytes, 1, 0);
}

/* ---- the pool and the guest ---- */

static void comes_back(struct lender *p, uint16_t c)
{
	assert_ptr_equal(p, &lender);
	back[c % CHAINS]++;
	last_back = c;
}

static void give(unsigned int i, enum castor_kind kind)
{
	struct castor_slot slot = { DVM_BASE + i * PAGE_SIZE, PAGE_SIZE, kind };

	if (kind == CASTOR_SKB) {
		SET(dvm_ram + i * PAGE_SIZE, SK_BUFF_HEAD, slot.dva + 512);
		SET(dvm_ram + i * PAGE_SIZE, SK_BUFF_END, ROOM);
	}
	pool_donate(&slot);
}

static void give_all(void)
{
	for (unsigned int i = 0; i < SKBS; i++)
		give(i, CASTOR_SKB);
	for (unsigned int i = SKBS; i < SKBS + PAGES; i++)
		give(i, CASTOR_PAGE);
}

static int begin(void **state)
{
	(void)state;
	sending_card_is_known = true;
	sending_card_is_idle = false;
	if (dvm_ram_begin())
		return -1;
	loan_card_is_quiet(); /* what the test before may have left */
	sending_card_timer();
	twin_att.vmemmap_base = VMEMMAP;
	loan_allow(true);
	give_all();
	memset(back, 0, sizeof(back));
	lender = (struct lender){ .back = comes_back };
	loan_counts = (struct loan_counts){ 0 };
	guest_hpa = MIB(512);
	chain = 0;
	srand(1);
	for (unsigned int i = 0; i < sizeof(guest_ram); i++)
		guest_ram[i] = rand();
	return 0;
}

static int end(void **state)
{
	(void)state;
	dvm_ram_end();
	return 0;
}

/* A large frame whose headers are one segment and whose payload is n, of about the same size. */
static void request(unsigned int n)
{
	uint32_t each = PAYLOAD / n, at = HEADERS;

	segs[0] = (struct packet_seg){ guest_ram, HEADERS };
	for (unsigned int i = 1; i <= n; i++, at += each)
		segs[i] = (struct packet_seg){ guest_ram + at, each };
	segs[n].len += PAYLOAD - each * n;
	packet_from_segs(&pkt, segs, n + 1, 0, HEADERS + PAYLOAD);
	pkt.gso = GSO_TCP4;
	pkt.gso_size = 1448;
	pkt.payload = HEADERS;
	pkt.lender = &lender;
	pkt.chain = ++chain;
}

static struct pool_object *lend(unsigned int n)
{
	struct pool_object *o = pool_take(CASTOR_SKB, ROOM);

	request(n);
	assert_non_null(o);
	assert_int_equal(loan_pieces(&pkt), n);
	skb_init(o->hva, o->data, o->data_dva, o->bytes, false, true);
	loan_make(o, &pkt);
	return o;
}

static uint8_t *frag(const struct pool_object *o, unsigned int i)
{
	return o->data + o->bytes + K_SKB_SHARED_INFO_FRAGS + i * K_SIZEOF_BIO_VEC;
}

/* ---- what the card gets ---- */

/* Piece for piece, in steps of a descriptor; and nothing in front, behind or beside. */
static void test_r17_the_card_reads_the_payload(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 11; n++) {
		struct pool_object *o = lend(n);
		uint32_t at = HEADERS;

		loan_in_hand(o);
		for (unsigned int i = 0; i < n; i++) {
			dva_t page = GET(frag(o, i), BIO_VEC_BV_PAGE);
			uint32_t len = GET(frag(o, i), BIO_VEC_BV_LEN);

			for (uint32_t off = 0; off < len; off += PAGE_SIZE)
				assert_int_equal(
					maps(page, off, MIN(len - off, (uint32_t)PAGE_SIZE)),
					guest_hpa + at + off);
			assert_int_equal(maps(page, 0, len + 1UL), ~0UL);
			assert_int_equal(maps(page, len, 1), ~0UL);
			assert_int_equal(maps(page, ~0UL, 1), ~0UL);
			assert_int_equal(maps(page, 1, ~0UL), ~0UL);
			at += len;
		}
		assert_int_equal(at, HEADERS + PAYLOAD);
		loan_in_hand(NULL);
		completes(o->dva);
	}
	assert_pool_adds_up();
}

/* Another frame's page is the driver VM's page that it is; so is each outside of a transmission. */
static void test_r17_only_the_frame_in_hand_is_translated(void **state)
{
	struct pool_object *a = lend(2), *b = lend(2);
	dva_t page = GET(frag(a, 0), BIO_VEC_BV_PAGE);
	uint64_t own = (page - VMEMMAP) / K_SIZEOF_PAGE * PAGE_SIZE;

	(void)state;
	assert_int_equal(maps(page, 0, 1), own);
	loan_in_hand(b);
	assert_int_equal(maps(page, 0, 1), own);
	loan_in_hand(a);
	assert_int_equal(maps(page, 0, 1), guest_hpa + HEADERS);
	completes(a->dva); /* by a driver that is not right in its mind */
	assert_int_equal(maps(page, 0, 1), own);
	loan_in_hand(NULL);
}

static void test_r17_own_pages_within_the_mask(void **state)
{
	dva_t last = VMEMMAP + (DVM_RAM / PAGE_SIZE - 1) * K_SIZEOF_PAGE;

	(void)state;
	assert_int_equal(maps(last, 0, PAGE_SIZE), DVM_RAM - PAGE_SIZE);
	twin_att.dma_bytes = DVM_RAM - 1;
	assert_int_equal(maps(last, 0, PAGE_SIZE), ~0UL);
	assert_int_equal(maps(last, 0, PAGE_SIZE - 1), DVM_RAM - PAGE_SIZE);
}

static void test_r17_what_is_copied(void **state)
{
	(void)state;
	request(3);
	assert_int_equal(loan_pieces(&pkt), 3);
	guest_hpa = GIB(4) - HEADERS - PAYLOAD;
	assert_int_equal(loan_pieces(&pkt), 3);
	guest_hpa++; /* one byte that the card cannot reach */
	assert_int_equal(loan_pieces(&pkt), 0);
	assert_int_equal(loan_counts.far, 1);
	assert_int_equal(loan_counts.far_bytes, PAYLOAD);
	guest_hpa = GIB(5);
	assert_int_equal(loan_pieces(&pkt), 0);
	twin_att.dma_reach = ~0UL; /* a card and a driver with 64-bit addresses */
	assert_int_equal(loan_pieces(&pkt), 3);
	assert_int_equal(loan_counts.far, 2);
	twin_att.dma_reach = GIB(4);
	guest_hpa = MIB(512);
	request(12); /* two descriptors each and one more: beyond what there is room for */
	assert_int_equal(loan_pieces(&pkt), 0);
	request(PAYLOAD / PAGE_SIZE + 1); /* pieces too small */
	assert_int_equal(loan_pieces(&pkt), 0);
	request(3);
	pkt.lender = NULL;
	assert_int_equal(loan_pieces(&pkt), 0);
	request(3);
	segs[1].len -= 1; /* fewer bytes than it says */
	assert_int_equal(loan_pieces(&pkt), 0);
	segs[1].len += 2;
	assert_int_equal(loan_pieces(&pkt), 0);
	request(3);
	pkt.overlap--; /* payload that was in front of the first piece */
	assert_int_equal(loan_pieces(&pkt), 0);
	request(3);
	loan_allow(false);
	assert_int_equal(loan_pieces(&pkt), 0);
	sending_card_is_known = false; /* nobody could say when it is done */
	loan_allow(true);
	assert_int_equal(loan_pieces(&pkt), 0);
}

/* A frame is in no more descriptors than the smallest ring has room for. */
static void test_r17_descriptors(void **state)
{
	unsigned int most = 0;

	(void)state;
	for (unsigned int i = 0; i < 10000; i++) {
		uint32_t at = HEADERS, descs = 0;
		unsigned int n = 1;

		request(1);
		for (; at < HEADERS + PAYLOAD && n < ARRAY_SIZE(segs); n++) {
			uint32_t len = 1 + rand() % (rand() % 2 ? 3 * PAGE_SIZE : 100U);

			len = n == 1 ? MAX(len, 200U) : len;
			segs[n] = (struct packet_seg){ guest_ram + at,
						       MIN(len, HEADERS + PAYLOAD - at) };
			descs += 1 + (segs[n].len + PAGE_SIZE - 1) / PAGE_SIZE;
			at += segs[n].len;
		}
		segs[0] = (struct packet_seg){ guest_ram, HEADERS };
		packet_from_segs(&pkt, segs, n, 0, at);
		pkt.payload = HEADERS;
		pkt.lender = &lender;
		if (loan_pieces(&pkt))
			most = MAX(most, descs);
	}
	assert_in_range(most, 17, LOAN_DESCS);
}

/* ---- how it ends ---- */

static void test_r16_completed_in_any_order_and_once(void **state)
{
	struct pool_object *o[8];

	(void)state;
	for (unsigned int i = 0; i < 8; i++)
		o[i] = lend(3);
	assert_int_equal(lender.out, 8);
	assert_int_equal(loan_pages(), 8 * 12);
	for (int i = 7; i >= 0; i--) {
		uint16_t c = i + 1;

		completes(o[i]->dva);
		completes(o[i]->dva);
		assert_int_equal(back[c], 0); /* not in the middle of an invocation */
		loan_settle();
		assert_int_equal(back[c], 1);
		assert_int_equal(last_back, c);
	}
	loan_settle();
	assert_int_equal(lender.out + loan_out() + loan_pages() + pool_tied(), 0);
	assert_pool_adds_up();
}

/* It is the kernel's, but the card is done with it all the same. */
static void test_r16_completed_but_no_more_ours(void **state)
{
	struct pool_object *o = lend(3);

	(void)state;
	SET(o->hva, SK_BUFF_USERS, 2);
	completes(o->dva);
	loan_poll();
	assert_int_equal(back[1], 1);
	assert_int_equal(loan_counts.orphans, 0);
	assert_pool_adds_up();
}

static void turns(unsigned int n)
{
	while (n--) {
		sending_card_timer();
		loan_poll();
	}
}

/* The card may be reading what it has fetched the descriptor of: it is asked twice. */
static void expect_back_when_idle(uint16_t c)
{
	turns(10);
	assert_int_equal(back[c], 0);
	sending_card_is_idle = true;
	turns(1);
	loan_poll(); /* in the same moment */
	assert_int_equal(back[c], 0);
	sending_card_is_idle = false;
	turns(1);
	sending_card_is_idle = true;
	turns(1);
	assert_int_equal(back[c], 0);
	turns(1);
	assert_int_equal(back[c], 1);
	assert_int_equal(lender.out + loan_out() + loan_pages() + pool_tied(), 0);
	assert_false(sending_card_timer()); /* nothing to look for */
	assert_pool_adds_up();
}

static void test_r19_killed_with_it_in_hand(void **state)
{
	struct pool_object *o = lend(3);

	(void)state;
	pool_begin();
	loan_in_hand(o);
	pool_hand_over(o, true);
	assert_int_equal(pool_leak(), 4);
	expect_back_when_idle(1);
}

static void test_r19_detached_with_it_in_flight(void **state)
{
	(void)state;
	pool_hand_over(lend(3), true);
	pool_leave();
	expect_back_when_idle(1);
}

static void test_r16_freed_by_the_driver_vm(void **state)
{
	struct pool_object *o = lend(3);

	(void)state;
	pool_hand_over(o, true);
	pool_counts.returned += pool_forget(o);
	expect_back_when_idle(1);
}

static void test_r20_the_driver_vm_has_ended(void **state)
{
	(void)state;
	pool_hand_over(lend(3), true);
	pool_reset();
	turns(10);
	assert_int_equal(back[1], 0);
	loan_card_is_quiet();
	assert_int_equal(back[1], 1);
	assert_int_equal(lender.out + loan_out() + loan_pages(), 0);
}

/* Whoever comes between two looks has had none. */
static void test_r19_another_one_between_two_looks(void **state)
{
	struct pool_object *a = lend(3), *b = lend(3);

	(void)state;
	pool_counts.returned += pool_forget(a);
	sending_card_is_idle = true;
	turns(1);
	pool_counts.returned += pool_forget(b);
	turns(1);
	assert_int_equal(back[1] + back[2], 0);
	turns(1);
	assert_int_equal(back[1] + back[2], 2);
}

/* The kernel uses the memory of an skb again; the old frame is still the card's. */
static void test_r16_the_same_address_again(void **state)
{
	struct pool_object *o = lend(3);
	dva_t dva = o->dva;
	unsigned int i = (dva - DVM_BASE) / PAGE_SIZE;

	(void)state;
	pool_counts.left += pool_forget(o);
	give(i, CASTOR_SKB);
	o = lend(3); /* what came last is taken first */
	assert_int_equal(o->dva, dva);
	completes(dva);
	loan_settle();
	assert_int_equal(back[1], 0);
	assert_int_equal(back[2], 1);
	sending_card_is_idle = true;
	turns(2);
	assert_int_equal(back[1], 1);
	assert_int_equal(back[2], 1);
}

static void test_r16_recalled(void **state)
{
	struct pool_object *o = lend(3);

	(void)state;
	assert_false(loan_is_recalled(o));
	lend_recall(&lender);
	assert_true(loan_is_recalled(o));
	assert_true(lend_recalled());
	assert_false(lend_recalled());
	pool_put(o);
	assert_false(loan_is_recalled(o));
	loan_settle();
	assert_int_equal(lender.out, 0);
	assert_int_equal(back[1], 0); /* the ring that it was of is gone */
	lend_recall(&lender);
	assert_false(lend_recalled()); /* there is nothing to look for */
}

static void test_r16_so_many_at_most(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < LOAN_MAX; i++)
		lend(1);
	request(1);
	assert_int_equal(loan_pieces(&pkt), 0);
	pool_leave();
	assert_int_equal(loan_pieces(&pkt), 0);
	sending_card_is_idle = true;
	turns(2);
	assert_int_equal(loan_pieces(&pkt), 1);
	assert_int_equal(lender.out, 0);
}

static struct pool_object *held[64];

/* A twin that does anything, and deaths: each chain comes back, and once. */
static void act(struct pool_object **o)
{
	dva_t dva = *o ? (*o)->dva : 0;

	switch (rand() % 8) {
	case 0:
		completes(dva);
		break;
	case 1:
		if (*o)
			pool_counts.returned += pool_forget(*o);
		break;
	case 2:
		pool_begin();
		if (*o)
			pool_hand_over(*o, true);
		pool_leak();
		break;
	case 3:
		pool_begin();
		if (*o)
			pool_put(*o);
		break;
	case 4:
		sending_card_is_idle = rand() % 2;
		turns(1);
		return;
	default:
		return;
	}
	if (dva && !pool_find(dva)) {
		*o = NULL;
		give((dva - DVM_BASE) / PAGE_SIZE, CASTOR_SKB);
	}
}

static void test_r16_each_chain_comes_back_once(void **state)
{
	(void)state;
	while (chain < CHAINS - 1) {
		struct pool_object **o = &held[rand() % ARRAY_SIZE(held)];

		if (!*o && pool_level(CASTOR_PAGE) > 3 && loan_out() < LOAN_MAX)
			*o = lend(1 + rand() % 3);
		act(o);
		if (pool_level(CASTOR_PAGE) <= 3)
			give_all(); /* those that were lost; the others are refused */
	}
	pool_leave();
	sending_card_is_idle = true;
	turns(2);
	for (unsigned int c = 1; c < CHAINS; c++)
		assert_int_equal(back[c], 1);
	assert_int_equal(lender.out + loan_out() + loan_pages() + pool_tied(), 0);
	assert_true(loan_counts.orphans > 100 && loan_counts.orphans < loan_counts.frames - 100);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(test_r17_the_card_reads_the_payload),
		CASE(test_r17_only_the_frame_in_hand_is_translated),
		CASE(test_r17_own_pages_within_the_mask),
		CASE(test_r17_what_is_copied),
		CASE(test_r17_descriptors),
		CASE(test_r16_completed_in_any_order_and_once),
		CASE(test_r16_completed_but_no_more_ours),
		CASE(test_r19_killed_with_it_in_hand),
		CASE(test_r19_detached_with_it_in_flight),
		CASE(test_r16_freed_by_the_driver_vm),
		CASE(test_r20_the_driver_vm_has_ended),
		CASE(test_r19_another_one_between_two_looks),
		CASE(test_r16_the_same_address_again),
		CASE(test_r16_recalled),
		CASE(test_r16_so_many_at_most),
		CASE(test_r16_each_chain_comes_back_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
