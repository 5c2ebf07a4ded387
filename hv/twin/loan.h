/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Zero copy: large frames of guests whose payload the card reads in the guest's own memory.
 *
 * To the driver VM such an skb is like any other: headers in the linear part, fragments in pages
 * of the pool tied to it. But these pages hold nothing. Each stands for a piece of the guest's
 * memory, and when the driver asks for its DMA address it is given that piece's. So the kernel may
 * free the skb whenever it does, and nobody but the card sees the payload.
 *
 * A loan is one such frame; its guest has lent a chain (net/lend.h). It ends when the twin gives
 * the skb back, and when a frame is discarded that the driver never got. Where the skb leaves the
 * pool's table in another way (death of the twin, detachment, a driver that resets itself) nobody
 * can say what the driver does with it: it is an orphan, and ends when the card says that it has
 * nothing to send (twin/card.h), or has been made quiet. The twin is believed as far as the driver
 * VM is: it writes the card's descriptors.
 *
 * Interrupts off, or inside an invocation where it says so.
 */
#ifndef HV_TWIN_LOAN_H
#define HV_TWIN_LOAN_H

#include "net/packet.h"
#include "twin/pool.h"

#define LOAN_MAX 256

/*
 * Least bytes of a piece, on average: with smaller ones a page for each costs more than to copy it.
 * So a frame never takes more pages than its copy would.
 */
#define LOAN_PIECE_MIN PAGE_SIZE

/*
 * Most descriptors of the payload, an 82544's (two for each fragment that fits into one). With 6
 * more the smallest ring has room for it.
 */
#define LOAN_DESCS 34

struct loan_counts {
	uint64_t frames, bytes;  /* lent, ever */
	uint64_t orphans;        /* of these, such that the card had to be asked about */
	uint64_t far, far_bytes; /* copied because the card does not reach the guest's memory */
};
extern struct loan_counts loan_counts;

/* At an attachment: whether the hypervisor translates the driver's DMA addresses. */
void loan_allow(bool translates);

/*
 * Pieces of the payload, each to be a fragment; 0: it is to be copied. Asked once for each frame,
 * as it counts.
 */
unsigned int loan_pieces(const struct packet *pkt);

/*
 * Has the chain of a frame that has pieces lent; they are o's fragments. The pool has a page for
 * each.
 */
void loan_make(struct pool_object *o, const struct packet *pkt);

/* Around the driver's transmit function: the frame that it may ask addresses of. NULL: none. */
void loan_in_hand(const struct pool_object *o);

/*
 * Inside an invocation: is `page` (a struct page) one that stands for a piece of the frame in hand?
 * Then *hpa, ~0 where [offset, offset + bytes) is not inside of it.
 */
bool loan_map(dva_t page, uint64_t offset, uint64_t bytes, hpa_t *hpa);

/* Also inside an invocation. o has a loan: the card is done with it; o leaves the pool's table. */
void loan_end(struct pool_object *o);
void loan_orphan(struct pool_object *o);
void loan_orphan_all(void);

/* Outside of one: gives back what has ended since. */
void loan_settle(void);

bool loan_is_recalled(const struct pool_object *o); /* its sender wants its memory back */

/* At each turn of the run loop: settles, and asks the card while there are orphans. */
void loan_poll(void);

/* The card was reset with bus mastering off: no orphan is read any more. */
void loan_card_is_quiet(void);

uint32_t loan_pages(void); /* that copies of all lent frames would take beyond those they have */
uint32_t loan_out(void);   /* loans, orphans among them */

#endif
