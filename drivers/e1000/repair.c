/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * e1000's rings after a call of the driver that did not come to its end. What of the driver this
 * rests on (Linux 6.1, e1000_main.c), by function:
 *   e1000_tx_map()      an entry gets time_stamp before anything else that counts; the last one of
 *                       a frame, and no other, gets the skb
 *   e1000_tx_queue()    next_to_use moves when the descriptors are complete; the card's tail last
 *   e1000_tx_csum(), e1000_tso()  move it too, behind a context descriptor whose frame is not there
 *                       yet
 *   e1000_clean_tx_irq() an entry loses dma, skb, time_stamp in this order, then its descriptor
 *                       the status; next_to_clean moves behind all of them
 *   e1000_clean_rx_irq() a buffer that is given away loses dma, then the pointer; the descriptor
 *                       loses its status when the frame is delivered; next_to_clean moves last
 *   e1000_alloc_rx_buffers() an entry gets dma, then the pointer; next_to_use, then the card's tail
 *   e1000_intr()        reading the cause clears it
 */
#include "twin/repair.h"

#include "e1000_abi.h"
#include "kernel_abi.h"
#include "lib/string.h"
#include "twin/load.h"
#include "twin/native.h"
#include "twin/win.h"

/* Intel's manual of the 8254x, chapter 13. */
#define REG_ICS  0x00c8
#define REG_RDH  0x2810
#define REG_RDT  0x2818
#define REG_TDH  0x3810
#define REG_TDT  0x3818
#define CAUSES   (BIT(0) | BIT(2) | BIT(7)) /* sent, link, received */
#define DESC     16                         /* bytes of a descriptor */
#define RX_STATE 12                         /* status in it, one byte */
#define TX_UPPER 12                         /* status and options in it, four bytes */
#define DONE     BIT(0)                     /* the card has done with it, in both */

#define RING_MIN  8
#define RING_MAX  4096 /* E1000_MAX_82544_TXD */
#define PLAIN_MTU 1500 /* above it frames are received into pages */
#define WAKE_AT   32   /* TX_WAKE_THRESHOLD: free descriptors at which a stopped queue goes on */

struct ring {
	dva_t at; /* of the driver's structure */
	dva_t desc, info;
	uint32_t count, use, clean; /* next_to_use, next_to_clean */
	uint32_t head, tail;        /* the card's */
};

static uint64_t get(dva_t a, unsigned int bytes)
{
	return bytes == 8 ? win_read64(a) : bytes == 4 ? win_read32(a) : win_read16(a);
}

#define READ(base, field) get((base) + K_##field, K_##field##_BYTES)

static uint32_t next(const struct ring *r, uint32_t i)
{
	return i + 1 == r->count ? 0 : i + 1;
}

/* How many steps from one index to another. */
static uint32_t span(const struct ring *r, uint32_t from, uint32_t to)
{
	return to >= from ? to - from : to + r->count - from;
}

static dva_t desc(const struct ring *r, uint32_t i)
{
	return r->desc + DESC * i;
}

static dva_t tx_info(const struct ring *r, uint32_t i)
{
	return r->info + K_SIZEOF_E1000_TX_BUFFER * i;
}

static dva_t rx_info(const struct ring *r, uint32_t i)
{
	return r->info + K_SIZEOF_E1000_RX_BUFFER * i;
}

static bool is_sound(const struct ring *r)
{
	return r->count >= RING_MIN && r->count <= RING_MAX && r->use < r->count &&
	       r->clean < r->count && r->head < r->count && r->tail < r->count;
}

/* ---- transmit ---- */

static bool has_skb(const struct ring *r, uint32_t i)
{
	return READ(tx_info(r, i), E1000_TX_BUFFER_SKB);
}

/* What the poll had completed before it could say so. */
static void tx_skip_completed(struct ring *r)
{
	while (r->clean != r->use && !READ(tx_info(r, r->clean), E1000_TX_BUFFER_TIME_STAMP))
		r->clean = next(r, r->clean);
}

/* Entries that the card has not been told of count up to the last whole frame. */
static void tx_drop_unfinished(struct ring *r)
{
	uint32_t end = r->tail;

	for (uint32_t i = r->tail; i != r->use; i = next(r, i))
		if (has_skb(r, i))
			end = next(r, i);
	r->use = end;
}

/* Free entries are empty: the driver frees whatever an entry names when it closes. */
static void tx_empty_free(const struct ring *r)
{
	uint32_t n = r->count - span(r, r->clean, r->use);

	for (uint32_t i = r->use; n > 0; n--, i = next(r, i)) {
		dva_t e = tx_info(r, i);

		win_write64(e + K_E1000_TX_BUFFER_SKB, 0);
		win_write64(e + K_E1000_TX_BUFFER_DMA, 0);
		win_write64(e + K_E1000_TX_BUFFER_TIME_STAMP, 0);
		win_write32(desc(r, i) + TX_UPPER, 0);
	}
}

/*
 * The first frame may have lost its first entries, and the poll looks there for which one is its
 * last. Without an skb in the ring it is that one itself, and names itself.
 */
static void tx_name_last(const struct ring *r)
{
	uint32_t i = r->clean;

	while (i != r->use && !has_skb(r, i))
		i = next(r, i);
	if (i != r->use)
		win_write16(tx_info(r, r->clean) + K_E1000_TX_BUFFER_NEXT_TO_WATCH, i);
}

/* Byte queue limits: queued is what was completed and what is in the ring. */
static void tx_count_bytes(const struct ring *r)
{
	dva_t dql = twin_att.txq + K_NETDEV_QUEUE_DQL, state = twin_att.txq + K_NETDEV_QUEUE_STATE;
	uint32_t queued = win_read32(dql + K_DQL_NUM_COMPLETED);
	uint64_t xoff = 0, now = win_read64(state);

	for (uint32_t i = r->clean; i != r->use; i = next(r, i))
		if (has_skb(r, i))
			queued += READ(READ(tx_info(r, i), E1000_TX_BUFFER_SKB), SK_BUFF_LEN);
	win_write32(dql + K_DQL_NUM_QUEUED, queued);
	if ((int32_t)(win_read32(dql + K_DQL_ADJ_LIMIT) - queued) >= 0)
		xoff |= BIT(K___QUEUE_STATE_STACK_XOFF);
	if (r->count - 1 - span(r, r->clean, r->use) >= WAKE_AT)
		xoff |= BIT(K___QUEUE_STATE_DRV_XOFF);
	win_cmpxchg64(state, now, now & ~xoff); /* nobody else runs */
}

static const char *tx_repair(struct ring *r, dva_t regs)
{
	uint32_t told = span(r, r->clean, r->tail);

	if (told > span(r, r->clean, r->use) || span(r, r->clean, r->head) > told)
		return "the transmit ring does not agree with the card";
	tx_drop_unfinished(r);
	tx_skip_completed(r);
	tx_name_last(r);
	tx_empty_free(r);
	tx_count_bytes(r);
	win_write32(r->at + K_E1000_TX_RING_NEXT_TO_USE, r->use);
	win_write32(r->at + K_E1000_TX_RING_NEXT_TO_CLEAN, r->clean);
	if (r->use != r->tail) /* whole frames that waited for a last one (R10) */
		win_write32(regs + REG_TDT, r->use);
	return NULL;
}

/* ---- receive ---- */

static bool rx_is_done(const struct ring *r, uint32_t i)
{
	return win_read8(desc(r, i) + RX_STATE) & DONE;
}

/* The entry has a buffer, and the card, if it is its turn, would write there. */
static bool rx_is_sound(const struct ring *r, uint32_t i, bool cards)
{
	uint64_t data = READ(rx_info(r, i), E1000_RX_BUFFER_RXBUF);
	uint64_t dma = READ(rx_info(r, i), E1000_RX_BUFFER_DMA);

	return data && data - twin_att.page_offset_base == dma && dma < twin_att.dvm_bytes &&
	       (!cards || win_read64(desc(r, i)) == dma);
}

/*
 * Where the poll was. Its own next_to_clean is old, and what it has refilled may have passed that;
 * but in front of the card are, in this order, free entries (there always is one), frames to be
 * received, and the card's own. The frame at hand is lost, where its buffer is gone or it has been
 * delivered too.
 */
static void rx_find_place(struct ring *r, uint64_t delivered)
{
	uint32_t i = r->use;

	while (i != r->head && !rx_is_done(r, i))
		i = next(r, i);
	if (i != r->head && (delivered > span(r, r->clean, i) || !rx_is_sound(r, i, false))) {
		win_write8(desc(r, i) + RX_STATE, 0);
		i = next(r, i);
	}
	r->clean = i;
}

/* An entry without dma is one whose buffer was being given away; the driver fills it anew. */
static void rx_empty_free(const struct ring *r)
{
	for (uint32_t i = r->use; i != r->clean; i = next(r, i))
		if (!READ(rx_info(r, i), E1000_RX_BUFFER_DMA))
			win_write64(rx_info(r, i) + K_E1000_RX_BUFFER_RXBUF, 0);
}

static const char *rx_repair(struct ring *r, uint64_t delivered)
{
	if (win_read32(twin_att.netdev + K_NET_DEVICE_MTU) > PLAIN_MTU ||
	    READ(r->at, E1000_RX_RING_RX_SKB_TOP))
		return "it receives into pages";
	r->use = next(r, r->tail); /* what the card was not told of is filled again */
	if (r->use == r->head)     /* it has a free entry in front of it, always */
		return "the receive ring does not agree with the card";
	rx_find_place(r, delivered);
	for (uint32_t i = r->clean; i != r->use; i = next(r, i))
		if (!rx_is_sound(r, i, span(r, r->clean, i) >= span(r, r->clean, r->head)))
			return "a receive buffer is not what the card has";
	rx_empty_free(r);
	win_write32(r->at + K_E1000_RX_RING_NEXT_TO_USE, r->use);
	win_write32(r->at + K_E1000_RX_RING_NEXT_TO_CLEAN, r->clean);
	return NULL;
}

/* ---- both ---- */

static struct ring tx_ring(dva_t adapter, dva_t regs)
{
	dva_t at = READ(adapter, E1000_ADAPTER_TX_RING);

	return (struct ring){ .at = at,
			      .desc = READ(at, E1000_TX_RING_DESC),
			      .info = READ(at, E1000_TX_RING_BUFFER_INFO),
			      .count = READ(at, E1000_TX_RING_COUNT),
			      .use = READ(at, E1000_TX_RING_NEXT_TO_USE),
			      .clean = READ(at, E1000_TX_RING_NEXT_TO_CLEAN),
			      .head = win_read32(regs + REG_TDH),
			      .tail = win_read32(regs + REG_TDT) };
}

static struct ring rx_ring(dva_t adapter, dva_t regs)
{
	dva_t at = READ(adapter, E1000_ADAPTER_RX_RING);

	return (struct ring){ .at = at,
			      .desc = READ(at, E1000_RX_RING_DESC),
			      .info = READ(at, E1000_RX_RING_BUFFER_INFO),
			      .count = READ(at, E1000_RX_RING_COUNT),
			      .use = READ(at, E1000_RX_RING_NEXT_TO_USE),
			      .clean = READ(at, E1000_RX_RING_NEXT_TO_CLEAN),
			      .head = win_read32(regs + REG_RDH),
			      .tail = win_read32(regs + REG_RDT) };
}

const char *repair_rings(uint64_t delivered)
{
	dva_t adapter = twin_att.napi - K_E1000_ADAPTER_NAPI, regs;
	struct ring tx, rx;
	const char *why;

	if (strcmp(twin_image.head->module, "e1000"))
		return "nobody knows this driver's rings";
	if (READ(adapter, E1000_ADAPTER_NETDEV) != twin_att.netdev ||
	    READ(adapter, E1000_ADAPTER_FLAGS))
		return "the driver is being reset or closed";
	regs = READ(adapter, E1000_ADAPTER_HW_HW_ADDR);
	tx = tx_ring(adapter, regs);
	rx = rx_ring(adapter, regs);
	if (READ(tx.at, E1000_TX_RING_TDT) != REG_TDT || READ(rx.at, E1000_RX_RING_RDT) != REG_RDT)
		return "its card has the rings' registers elsewhere"; /* 82542 */
	if (!is_sound(&tx) || !is_sound(&rx))
		return "an index is beyond its ring";
	why = rx_repair(&rx, delivered);
	if (!why)
		why = tx_repair(&tx, regs);
	/* Whatever cause the interrupt handler had read and not served comes again. */
	if (!why)
		win_write32(regs + REG_ICS, CAUSES);
	return why;
}
