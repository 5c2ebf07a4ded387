/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The uplink's transmit queue (R10) against a model of a driver and its card. The driver does what
 * e1000 does: it refuses a frame that does not fit, stops its queue when the ring is nearly full,
 * and writes the tail when no frame follows or its queue is stopped. Now and then it refuses a
 * frame for no reason, as e1000 does for the 82547. The card sends what it was told of.
 */
#include "twin/transmit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel_abi.h"
#include "cpu/timer.h"
#include "lib/errno.h"
#include "twin/fill.h"
#include "twin/native.h"
#include "twin/native_skb.h"
#include "twin/pool.h"
#include "twin/run.h"
#include "twin/share.h"
#include "twin/win.h"

#define NETDEV  0
#define TXQ     2048
#define RING    80 /* the smallest of e1000 */
#define LEAST   48 /* what it can be set to */
#define NEED    2  /* descriptors of a frame */
#define LARGE   19 /* of one that the card is to cut ... */
#define WANTED  38 /* ... for which it wants so many to be free */
#define NEARLY  24
#define WAKE_AT 32
#define BUSY    0x10
#define OBJECTS 2048
#define ROUNDS  200 /* after the load: more than a working queue needs */

uint8_t fake_memory[FAKE_BYTES];
struct twin_attachment twin_att = { .netdev = NETDEV, .txq = TXQ };
struct twin_pending twin_pending;
uint64_t tsc_khz = 1000;

static struct pool_object objects[OBJECTS];
static uint8_t memory[OBJECTS][4096];
static unsigned int taken, put;
static const struct pool_object *asked_for; /* the frame whose addresses the driver may ask for */
static bool more, dvm_waits;
static unsigned int ring; /* descriptors */
static bool silent; /* the driver wakes its queue by a routine that does not tell the hypervisor */
static uint64_t now = 1;
static unsigned int uses[OBJECTS]; /* descriptors of each frame that was accepted */
static struct {
	unsigned int accepted, told, sent; /* frames, each at most the one before */
	unsigned int doorbells, in_a_row, most_in_a_row;
	unsigned int refuse_one_in; /* 0: never for no reason */
	unsigned int refuse_from;   /* from that frame on, and the queue stopped; 0: never */
} card;

static unsigned int room(void)
{
	unsigned int n = ring;

	for (unsigned int i = card.sent; i != card.accepted; i++)
		n -= uses[i % OBJECTS];
	return n;
}

static bool off(void)
{
	return win_read64(TXQ + K_NETDEV_QUEUE_STATE) >> K___QUEUE_STATE_DRV_XOFF & 1;
}

static void set_off(bool to)
{
	win_write64(TXQ + K_NETDEV_QUEUE_STATE, (uint64_t)to << K___QUEUE_STATE_DRV_XOFF);
}

static bool refuses(bool large)
{
	if (room() <= (large ? WANTED : NEED + 2) ||
	    (card.refuse_from && card.accepted >= card.refuse_from)) {
		set_off(true);
		return true;
	}
	return card.refuse_one_in && rand() % card.refuse_one_in == 0;
}

uint64_t run_call(uint64_t fn, uint64_t skb, uint64_t dev)
{
	bool large = objects[skb % OBJECTS].pages;

	(void)fn;
	(void)dev;
	assert_int_equal(asked_for->dva, skb);
	if (refuses(large))
		return BUSY;
	uses[card.accepted++ % OBJECTS] = large ? LARGE : NEED;
	card.in_a_row++;
	if (room() < NEARLY)
		set_off(true);
	if (!more || off()) {
		card.told = card.accepted;
		card.doorbells++;
		card.in_a_row = 0;
	}
	card.most_in_a_row = MAX(card.most_in_a_row, card.in_a_row);
	return 0;
}

/* The card sends n of the frames it knows of; the driver's poll function sees their end. */
static void card_works(unsigned int n)
{
	unsigned int before = card.sent;

	card.sent = MIN(card.told, card.sent + n);
	if (card.sent != before && off() && room() >= WAKE_AT) {
		set_off(false);
		if (!silent)
			transmit_wake();
	}
	transmit_look();
	if (twin_pending.transmit)
		transmit_wake();
	twin_pending.transmit = false;
}

void run_set_xmit_more(bool to)
{
	more = to;
}

bool native_dvm_waits(dva_t txq)
{
	(void)txq;
	return dvm_waits;
}

uint64_t tsc_now(void)
{
	return now;
}

uint64_t run_jiffies(void)
{
	return 1;
}

bool run_invocation(void (*body)(uint64_t arg), uint64_t arg)
{
	body(arg);
	return true;
}

int fill_plan(const struct packet *pkt, struct offload_caps *caps)
{
	(void)pkt;
	*caps = (struct offload_caps){ .csum = true, .tso4 = true };
	return 0;
}

bool fill_has_room(void)
{
	return true;
}

static struct pool_object *filled(uint32_t len, bool large)
{
	struct pool_object *o = &objects[taken % OBJECTS];

	o->dva = taken % OBJECTS;
	o->hva = memory[taken++ % OBJECTS];
	o->pages = large ? o : NULL; /* any */
	SET(o->hva, SK_BUFF_LEN, len);
	return o;
}

struct pool_object *fill_packet(const struct packet *pkt)
{
	return filled(pkt->len, pkt->gso != GSO_NONE);
}

struct pool_object *fill_piece(struct offload_frame *f)
{
	return filled(f->head_len + f->body_len, false);
}

/* Frames of odd numbers are recalled. */
void loan_in_hand(const struct pool_object *o)
{
	asked_for = o;
}

bool loan_is_recalled(const struct pool_object *o)
{
	return o->dva & 1;
}

void pool_put(struct pool_object *o)
{
	(void)o;
	put++;
}

uint32_t pool_handed(void)
{
	return 0; /* asked by nobody here */
}

void pool_hand_over(struct pool_object *o, bool driver)
{
	(void)o;
	(void)driver;
}

static int begin(void **state)
{
	(void)state;
	memset(&card, 0, sizeof(card));
	ring = RING;
	dvm_waits = silent = false;
	taken = put = 0;
	twin_pending = (struct twin_pending){ 0 };
	memset(fake_memory, 0, sizeof(fake_memory));
	win_write64(NETDEV + K_NET_DEVICE_STATE, 1UL << K___LINK_STATE_START);
	transmit_reset();
	transmit_counts = (struct transmit_counts){ 0 };
	srand(1);
	return 0;
}

static int queue_frame(bool large)
{
	uint8_t bytes[60] = { 0 };
	struct packet_seg seg = { bytes, sizeof(bytes) };
	struct packet pkt;

	packet_from_segs(&pkt, &seg, 1, 0, sizeof(bytes));
	if (large) {
		pkt.len = 60000;
		pkt.payload = 54;
		pkt.gso = GSO_TCP4;
		pkt.gso_size = 1448;
	}
	return transmit_queue(&pkt);
}

static void queue_frames(unsigned int n)
{
	while (n-- && queue_frame(false) != -EAGAIN)
		;
}

/* One round of the poll loop; the port stays awake while something is pending. */
static void round_once(unsigned int works)
{
	if (transmit_pending())
		transmit_run(1);
	card_works(works);
}

static void rest(void)
{
	for (unsigned int i = 0; i < ROUNDS; i++)
		round_once(20);
	assert_false(transmit_pending());
	assert_int_equal(transmit_counts.sent, transmit_counts.queued);
	assert_int_equal(card.sent, transmit_counts.queued);
}

static void load_then_rest(unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds; i++) {
		queue_frames(rand() % 40);
		round_once(rand() % 30);
	}
	rest();
}

static void test_r10_one_tail_write_for_a_batch(void **state)
{
	(void)state;
	queue_frames(10);
	round_once(10);
	assert_int_equal(card.sent, 10);
	assert_int_equal(card.doorbells, 1);
}

/* A ring never holds only frames that the card has not been told of. */
static void test_r10_the_card_is_told_every_few_frames(void **state)
{
	(void)state;
	load_then_rest(500);
	assert_in_range(card.most_in_a_row, 2, 16);
}

static void test_r10_small_ring(void **state)
{
	(void)state;
	load_then_rest(5000);
	assert_true(transmit_counts.stopped > 0);
}

/*
 * A large frame may be refused by a queue that is not stopped; then the card knows of all frames in
 * front of it, and they make room.
 */
static void test_r10_large_frames(void **state)
{
	(void)state;
	for (ring = LEAST; ring <= 4 * LEAST; ring++) {
		for (unsigned int i = 0; i < 100; i++) {
			for (unsigned int n = rand() % 20; n > 0; n--)
				queue_frame(rand() % 4 == 0);
			round_once(rand() % 12);
		}
		rest();
	}
	assert_in_range(transmit_counts.large, transmit_counts.queued / 8,
			transmit_counts.queued / 2);
	assert_int_equal(transmit_counts.wire, transmit_counts.queued + 41 * transmit_counts.large);
	assert_true(transmit_counts.busy > 100);
}

/* An upcall wakes the driver VM's own frames; guests' go on as well. */
static void test_r10_woken_by_an_upcall(void **state)
{
	(void)state;
	silent = true;
	load_then_rest(5000);
	assert_true(transmit_counts.stopped > 0);
	transmit_look(); /* nothing waits, nothing is asked for */
	assert_false(twin_pending.transmit);
}

/* Nobody tells the hypervisor when the driver VM's netif_tx_unlock() comes. */
static void test_r10_frozen_is_locked(void **state)
{
	(void)state;
	queue_frames(3);
	win_write64(TXQ + K_NETDEV_QUEUE_STATE, 1UL << K___QUEUE_STATE_FROZEN);
	round_once(10);
	assert_int_equal(card.accepted, 0);
	assert_int_equal(transmit_counts.locked, 1);
	assert_int_equal(win_read32(TXQ + K_NETDEV_QUEUE__XMIT_LOCK), 0);
	assert_true(transmit_pending());
	win_write64(TXQ + K_NETDEV_QUEUE_STATE, 0);
	round_once(10);
	assert_int_equal(card.sent, 3);
}

/* Refused in the middle of a batch, the queue not stopped: nobody wakes it. */
static void test_r10_busy_for_a_moment(void **state)
{
	(void)state;
	card.refuse_one_in = 7;
	load_then_rest(5000);
	assert_true(transmit_counts.busy > 100);
}

/*
 * Refused and stopped behind frames that the card does not know of: nothing completes, and when the
 * driver goes on by itself, in the driver VM, no native tells. The queue asks again until then.
 */
static void test_r10_busy_and_stopped_before_the_tail_is_written(void **state)
{
	(void)state;
	card.refuse_from = 3;
	queue_frames(5);
	for (unsigned int i = 0; i < ROUNDS; i++)
		round_once(20);
	assert_int_equal(card.accepted, 3);
	assert_int_equal(card.told, 0);
	card.refuse_from = 0;
	set_off(false);
	for (unsigned int i = 0; i < ROUNDS; i++)
		round_once(20);
	assert_int_equal(card.sent, 5);
}

/* Two were taken, the third was refused: the tail is due, and the next frame writes it. */
static void test_r10_the_flush_is_not_forgotten(void **state)
{
	(void)state;
	card.refuse_one_in = 3;
	for (unsigned int i = 0; i < 2000; i++) {
		queue_frames(1 + rand() % 5);
		transmit_run(1);
		if (card.told == card.accepted)
			continue;
		assert_true(transmit_pending());
		card.refuse_one_in = 0;
		transmit_run(1);
		assert_int_equal(card.told, card.accepted);
		card.refuse_one_in = 3;
		card_works(RING);
	}
	assert_true(transmit_counts.busy > 100);
}

/* The driver VM waits: a quantum of frames goes, then it is told, until its time is over. */
static void test_r10_the_driver_vm_gets_its_turn(void **state)
{
	uint64_t sent;

	(void)state;
	dvm_waits = true;
	while (!transmit_waits()) {
		queue_frames(8);
		round_once(RING);
		/* a batch is not broken off */
		assert_true(transmit_counts.sent * 60 <= SHARE_QUANTUM + 16 * 60);
	}
	assert_int_equal(card.told, card.accepted);
	assert_true(twin_pending.wake_dvm);
	assert_false(transmit_pending());
	sent = transmit_counts.sent;
	round_once(RING);
	assert_int_equal(transmit_counts.sent, sent);
	now += us_to_tsc(SHARE_TURN_US);
	round_once(RING);
	assert_true(transmit_counts.sent > sent);
}

/* The rest goes out in its order. */
static void test_r16_recalled_frames_are_not_sent(void **state)
{
	(void)state;
	queue_frames(9);
	transmit_recall();
	assert_int_equal(put, 4); /* 1, 3, 5, 7 */
	assert_int_equal(transmit_counts.discarded, 4);
	transmit_recall();
	assert_int_equal(put, 4);
	round_once(20);
	assert_int_equal(card.sent, 5);
	assert_null(asked_for);
	transmit_recall(); /* of nothing */
	assert_int_equal(put, 4);
	assert_false(transmit_pending());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_r10_one_tail_write_for_a_batch, begin),
		cmocka_unit_test_setup(test_r10_the_card_is_told_every_few_frames, begin),
		cmocka_unit_test_setup(test_r10_small_ring, begin),
		cmocka_unit_test_setup(test_r10_large_frames, begin),
		cmocka_unit_test_setup(test_r10_woken_by_an_upcall, begin),
		cmocka_unit_test_setup(test_r10_frozen_is_locked, begin),
		cmocka_unit_test_setup(test_r10_busy_for_a_moment, begin),
		cmocka_unit_test_setup(test_r10_busy_and_stopped_before_the_tail_is_written, begin),
		cmocka_unit_test_setup(test_r10_the_flush_is_not_forgotten, begin),
		cmocka_unit_test_setup(test_r10_the_driver_vm_gets_its_turn, begin),
		cmocka_unit_test_setup(test_r16_recalled_frames_are_not_sent, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
