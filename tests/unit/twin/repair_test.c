/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * e1000's rings made whole (R19) against a model of the driver and its card. The model makes the
 * driver's stores in the driver's order, and dies in front of each of them in turn; after the
 * repair the driver goes on as if nothing had been. Then no frame is sent twice, received twice or
 * freed twice, at most one is lost, the byte count is right, and nothing stands still.
 */
#include "twin/repair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "e1000_abi.h"
#include "kernel_abi.h"
#include "twin/load.h"
#include "twin/native.h"
#include "twin/win.h"

#define ADAPTER  0x2000
#define TX_RING  0x4000
#define RX_RING  0x4100
#define TX_INFO  0x4200
#define RX_INFO  0x4800
#define TX_DESC  0x4c00
#define RX_DESC  0x4e00
#define REGS     0x5000
#define SKBS     0xa000 /* of transmitted frames, one for each number; only the length is read */
#define SKB_STEP 256
#define NETDEV   0
#define TXQ      0x1000
#define COUNT    16 /* descriptors of each ring */
#define FRAMES   60
#define LENGTH   100
#define BUFFERS  0x20000 /* addresses of receive buffers; nothing is there */
#define ICS      0xc8
#define RDH      0x2810
#define RDT      0x2818
#define TDH      0x3810
#define TDT      0x3818
enum kind { PLAIN, CSUM, PIECES, LARGE }; /* all but the first have a context descriptor */
#define REFILL 4                          /* E1000_RX_BUFFER_WRITE, for this small ring */

uint8_t fake_memory[FAKE_BYTES];
struct twin_attachment twin_att = {
	.netdev = NETDEV, .txq = TXQ, .napi = ADAPTER + K_E1000_ADAPTER_NAPI, .dvm_bytes = 1 << 20
};
static struct twin_header head = { .module = "e1000" };
struct twin_image twin_image = { .head = &head };

/* ---- death ---- */

static jmp_buf death;
static unsigned int left; /* stores until it, 0: none comes */

static void step(void)
{
	if (left && --left == 0)
		longjmp(death, 1);
}

static void put64(dva_t a, uint64_t v)
{
	step();
	win_write64(a, v);
}

static void put32(dva_t a, uint32_t v)
{
	step();
	win_write32(a, v);
}

static void put16(dva_t a, uint16_t v)
{
	step();
	win_write16(a, v);
}

static void put8(dva_t a, uint8_t v)
{
	step();
	win_write8(a, v);
}

/* ---- what became of each frame ---- */

static unsigned int sent[FRAMES], freed[FRAMES], received[FRAMES * 4];
static bool freed_now[FRAMES]; /* in the present invocation: a death takes that back */
static unsigned int arrived, delivered, next_buffer;

static dva_t skb_of(unsigned int frame)
{
	return SKBS + SKB_STEP * frame;
}

/* ---- fields ---- */

#define TXF(field)    (TX_RING + K_E1000_TX_RING_##field)
#define RXF(field)    (RX_RING + K_E1000_RX_RING_##field)
#define TXB(i, field) (TX_INFO + K_SIZEOF_E1000_TX_BUFFER * (i) + K_E1000_TX_BUFFER_##field)
#define RXB(i, field) (RX_INFO + K_SIZEOF_E1000_RX_BUFFER * (i) + K_E1000_RX_BUFFER_##field)
#define DQLF(field)   (TXQ + K_NETDEV_QUEUE_DQL + K_DQL_##field)

static unsigned int next(unsigned int i)
{
	return (i + 1) % COUNT;
}

static unsigned int unused(unsigned int use, unsigned int clean)
{
	return (clean > use ? 0 : COUNT) + clean - use - 1;
}

/* ---- the card ---- */

static void card_sends(void)
{
	unsigned int i = win_read32(REGS + TDH);

	for (; i != win_read32(REGS + TDT); i = next(i)) {
		if (!win_read32(TX_DESC + 16 * i + 8)) /* not the last of its frame */
			continue;
		sent[(win_read64(TX_DESC + 16 * i) - SKBS) / SKB_STEP]++;
		win_write32(TX_DESC + 16 * i + 12, 1);
	}
	win_write32(REGS + TDH, i);
}

/* Into the buffer that the descriptor names; its number stands in the length. */
static bool card_receives(void)
{
	unsigned int i = win_read32(REGS + RDH);

	if (i == win_read32(REGS + RDT))
		return false;
	assert_true(win_read64(RX_DESC + 16 * i) >= BUFFERS);
	assert_false(win_read8(RX_DESC + 16 * i + 12) & 1);
	win_write16(RX_DESC + 16 * i + 8, arrived++);
	win_write8(RX_DESC + 16 * i + 12, 1);
	win_write32(REGS + RDH, next(i));
	return true;
}

/* ---- the driver; each function makes the stores of its namesake (repair.c) ---- */

static unsigned int tx_csum(unsigned int i)
{
	put32(TX_DESC + 16 * i + 8, 0);
	put16(TXB(i, NEXT_TO_WATCH), i);
	put64(TXB(i, TIME_STAMP), 7);
	put32(TXF(NEXT_TO_USE), next(i));
	return next(i);
}

/* One piece of a frame; the last one of them has the skb. */
static void tx_map(unsigned int i, unsigned int frame)
{
	put64(TXB(i, TIME_STAMP), 7);
	put64(TXB(i, DMA), skb_of(frame));
	put16(TXB(i, NEXT_TO_WATCH), i);
}

static void tx_queue(unsigned int i, unsigned int frame, bool last)
{
	put64(TX_DESC + 16 * i, skb_of(frame));
	put32(TX_DESC + 16 * i + 12, 0x200);
	put32(TX_DESC + 16 * i + 8, last);
}

static void tx_frame(unsigned int frame, unsigned int kind, bool more)
{
	static const unsigned int pieces[] = { 1, 1, 2, 6 };
	unsigned int first = win_read32(TXF(NEXT_TO_USE)), data = first, i, n;

	if (unused(first, win_read32(TXF(NEXT_TO_CLEAN))) < pieces[kind] + 2)
		return;
	if (kind != PLAIN)
		data = tx_csum(first);
	i = data;
	tx_map(i, frame);
	for (n = 1; n < pieces[kind]; n++) {
		i = next(i);
		tx_map(i, frame);
	}
	put64(TXB(i, SKB), skb_of(frame));
	put16(TXB(first, NEXT_TO_WATCH), i);
	put32(DQLF(NUM_QUEUED), win_read32(DQLF(NUM_QUEUED)) + LENGTH);
	for (n = data; n != i; n = next(n))
		tx_queue(n, frame, false);
	tx_queue(i, frame, true);
	put32(TXF(NEXT_TO_USE), next(i));
	if (more)
		return;
	put32(REGS + TDT, next(i));
	card_sends();
}

static void tx_free(unsigned int i)
{
	unsigned int frame = (win_read64(TXB(i, SKB)) - SKBS) / SKB_STEP;

	if (win_read64(TXB(i, DMA)))
		put64(TXB(i, DMA), 0);
	if (win_read64(TXB(i, SKB))) {
		freed[frame]++;
		freed_now[frame] = true;
		put64(TXB(i, SKB), 0);
	}
	put64(TXB(i, TIME_STAMP), 0);
	put32(TX_DESC + 16 * i + 12, 0);
}

static void tx_clean(void)
{
	unsigned int i = win_read32(TXF(NEXT_TO_CLEAN)), bytes = 0, eop;

	for (;;) {
		eop = win_read16(TXB(i, NEXT_TO_WATCH));
		assert_true(eop < COUNT);
		if (!(win_read32(TX_DESC + 16 * eop + 12) & 1))
			break;
		for (bool last = false; !last; i = next(i)) {
			last = i == eop;
			bytes += win_read64(TXB(i, SKB)) ? LENGTH : 0;
			tx_free(i);
		}
	}
	put32(TXF(NEXT_TO_CLEAN), i);
	assert_true(bytes <= win_read32(DQLF(NUM_QUEUED)) - win_read32(DQLF(NUM_COMPLETED)));
	put32(DQLF(NUM_COMPLETED), win_read32(DQLF(NUM_COMPLETED)) + bytes);
}

static void rx_refill(unsigned int n)
{
	unsigned int i = win_read32(RXF(NEXT_TO_USE));

	for (; n > 0; n--, i = next(i)) {
		if (!win_read64(RXB(i, RXBUF))) {
			next_buffer += 2048;
			put64(RXB(i, DMA), BUFFERS + next_buffer);
			put64(RXB(i, RXBUF), BUFFERS + next_buffer);
		}
		put64(RX_DESC + 16 * i, win_read64(RXB(i, DMA)));
	}
	if (i == win_read32(RXF(NEXT_TO_USE)))
		return;
	put32(RXF(NEXT_TO_USE), i);
	put32(REGS + RDT, (i + COUNT - 1) % COUNT);
}

/* Small frames are copied, and their buffer stays. */
static void rx_frame(unsigned int i)
{
	unsigned int number = win_read16(RX_DESC + 16 * i + 8);

	assert_int_not_equal(win_read64(RXB(i, RXBUF)), 0);
	if (number % 3) {
		put64(RXB(i, DMA), 0);
		put64(RXB(i, RXBUF), 0);
	}
	step();
	received[number]++;
	delivered++;
	put8(RX_DESC + 16 * i + 12, 0);
}

static void rx_clean(unsigned int budget)
{
	unsigned int i = win_read32(RXF(NEXT_TO_CLEAN)), cleaned = 0;

	while (budget-- && win_read8(RX_DESC + 16 * i + 12) & 1) {
		rx_frame(i);
		i = next(i);
		if (++cleaned == REFILL) {
			rx_refill(cleaned);
			cleaned = 0;
		}
	}
	put32(RXF(NEXT_TO_CLEAN), i);
	rx_refill(unused(win_read32(RXF(NEXT_TO_USE)), i));
}

/* ---- a run ---- */

static void power_up(void)
{
	memset(fake_memory, 0, sizeof(fake_memory));
	memset(sent, 0, sizeof(sent));
	memset(freed, 0, sizeof(freed));
	memset(received, 0, sizeof(received));
	arrived = delivered = next_buffer = left = 0;
	win_write64(ADAPTER + K_E1000_ADAPTER_NETDEV, NETDEV);
	win_write64(ADAPTER + K_E1000_ADAPTER_TX_RING, TX_RING);
	win_write64(ADAPTER + K_E1000_ADAPTER_RX_RING, RX_RING);
	win_write64(ADAPTER + K_E1000_ADAPTER_HW_HW_ADDR, REGS);
	win_write16(TXF(TDT), TDT);
	win_write16(RXF(RDT), RDT);
	win_write64(TXF(DESC), TX_DESC);
	win_write64(TXF(BUFFER_INFO), TX_INFO);
	win_write32(TXF(COUNT), COUNT);
	win_write64(RXF(DESC), RX_DESC);
	win_write64(RXF(BUFFER_INFO), RX_INFO);
	win_write32(RXF(COUNT), COUNT);
	win_write32(DQLF(ADJ_LIMIT), 1000);
	win_write32(NETDEV + K_NET_DEVICE_MTU, 1500);
	for (unsigned int n = 0; n < FRAMES; n++)
		win_write32(skb_of(n) + K_SK_BUFF_LEN, LENGTH);
	rx_refill(COUNT - 1);
}

/* One invocation of the twin: a few calls of the driver. Returns whether it lived. */
static bool invocation(unsigned int round, unsigned int dies_at)
{
	unsigned int frame = 3 * round % (FRAMES / 2);
	volatile bool alive = true;

	memset(freed_now, 0, sizeof(freed_now));
	delivered = 0;
	left = dies_at;
	if (setjmp(death) == 0) {
		if (round % 2) {
			tx_clean();
			rx_clean(5);
		} else {
			tx_frame(frame, PIECES, true);
			tx_frame(frame + 1, round % 4 ? CSUM : PLAIN, true);
			tx_frame(frame + 2, round / 2 % 4, false);
		}
	} else {
		alive = false;
		for (unsigned int n = 0; n < FRAMES; n++)
			freed[n] -= freed_now[n]; /* the journal forgets it: nobody gets it */
	}
	left = 0;
	return alive;
}

static unsigned int in_ring(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < COUNT; i++)
		n += win_read64(TXB(i, SKB)) != 0;
	return n;
}

static void rings_are_consistent(void)
{
	unsigned int use = win_read32(TXF(NEXT_TO_USE)), clean = win_read32(TXF(NEXT_TO_CLEAN));

	for (unsigned int i = use, n = unused(use, clean) + 1; n > 0; n--, i = next(i)) {
		assert_int_equal(win_read64(TXB(i, SKB)), 0);
		assert_int_equal(win_read64(TXB(i, DMA)), 0);
		assert_int_equal(win_read64(TXB(i, TIME_STAMP)), 0);
	}
	assert_int_equal(win_read32(DQLF(NUM_QUEUED)) - win_read32(DQLF(NUM_COMPLETED)),
			 LENGTH * in_ring());
	assert_int_equal(use, win_read32(REGS + TDT));
	assert_int_equal(win_read32(RXF(NEXT_TO_USE)), next(win_read32(REGS + RDT)));
	assert_int_equal(win_read32(REGS + ICS) & 0x85, 0x85);
}

/* The driver's own instance, until all is done; then every buffer is the card's again. */
static void goes_on(void)
{
	unsigned int frame = FRAMES / 2;

	card_sends();
	for (unsigned int round = 0; round < 3 * COUNT; round++) {
		card_receives();
		tx_clean();
		rx_clean(64);
		if (frame < FRAMES)
			tx_frame(frame++, round % 4, false);
	}
	tx_clean();
	rx_clean(64);
	assert_int_equal(frame, FRAMES);
	for (unsigned int n = FRAMES / 2; n < FRAMES; n++)
		assert_int_equal(sent[n], 1);
	assert_int_equal(in_ring(), 0);
	assert_int_equal(unused(win_read32(RXF(NEXT_TO_USE)), win_read32(RXF(NEXT_TO_CLEAN))), 0);
}

static void nothing_is_doubled(unsigned int may_lose)
{
	unsigned int lost = 0;

	for (unsigned int n = 0; n < FRAMES; n++) {
		assert_true(sent[n] <= 1);
		assert_true(freed[n] <= 1);
	}
	for (unsigned int n = 0; n < arrived; n++) {
		assert_true(received[n] <= 1);
		lost += !received[n];
	}
	assert_true(lost <= may_lose);
}

/* `rounds` whole invocations, and one that dies in front of its n-th store. Whether it did. */
static bool die(unsigned int rounds, unsigned int n)
{
	bool alive;

	power_up();
	for (unsigned int round = 0; round < rounds; round++) {
		for (unsigned int k = 0; k < 4 + round % 4; k++)
			card_receives();
		invocation(round, 0);
	}
	for (unsigned int k = 0; k < 7; k++)
		card_receives();
	alive = invocation(rounds, n);
	if (alive)
		return false;
	card_receives(); /* between the death and the repair */
	assert_null(repair_rings(delivered));
	rings_are_consistent();
	goes_on();
	nothing_is_doubled(rounds % 2); /* which receives */
	return true;
}

static void test_r19_dies_in_front_of_each_store(void **state)
{
	unsigned int deaths = 0;

	(void)state;
	for (unsigned int rounds = 0; rounds < 9; rounds++)
		for (unsigned int n = 1; die(rounds, n); n++)
			deaths++;
	assert_true(deaths > 200);
}

/* What does not agree with the card is left to the driver's reset. */
static void refused_with(dva_t at, uint32_t value)
{
	power_up();
	invocation(0, 0);
	win_write32(at, value);
	assert_non_null(repair_rings(0));
}

static void test_r19_spoilt_rings_are_refused(void **state)
{
	(void)state;
	refused_with(TXF(NEXT_TO_USE), COUNT);
	refused_with(TXF(NEXT_TO_CLEAN), 0xffffffff);
	refused_with(TXF(NEXT_TO_USE), 1); /* the card was told of more */
	refused_with(TXF(COUNT), 1 << 20);
	refused_with(RXF(COUNT), 0);
	refused_with(REGS + TDT, 0xffffffff); /* no card */
	refused_with(REGS + RDH, 0xffffffff);
	refused_with(REGS + RDT, COUNT - 1); /* it would have every entry */
	refused_with(RXB(3, RXBUF), 0);
	refused_with(RX_DESC + 16 * 3, 0x1000);
	refused_with(ADAPTER + K_E1000_ADAPTER_FLAGS, 2);
	refused_with(ADAPTER + K_E1000_ADAPTER_NETDEV, 8);
	refused_with(TXF(TDT), 0x438); /* where an 82542 has them */
	refused_with(RXF(RDT), 0x128);
	refused_with(NETDEV + K_NET_DEVICE_MTU, 9000);
	refused_with(RXF(RX_SKB_TOP), 0x3000);
}

/* A queue that is stopped by the frame that was taken back goes on. */
static void test_r19_stopped_queue_goes_on(void **state)
{
	uint64_t off = 1UL << K___QUEUE_STATE_STACK_XOFF;

	(void)state;
	power_up();
	invocation(0, 0);
	win_write64(TXQ + K_NETDEV_QUEUE_STATE, off);
	assert_null(repair_rings(0));
	assert_int_equal(win_read64(TXQ + K_NETDEV_QUEUE_STATE) & off, 0);
	win_write64(TXQ + K_NETDEV_QUEUE_STATE, off);
	win_write32(DQLF(ADJ_LIMIT), 0); /* as many bytes as there are may not be queued */
	assert_null(repair_rings(0));
	assert_int_equal(win_read64(TXQ + K_NETDEV_QUEUE_STATE) & off, off);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_r19_dies_in_front_of_each_store),
		cmocka_unit_test(test_r19_spoilt_rings_are_refused),
		cmocka_unit_test(test_r19_stopped_queue_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
