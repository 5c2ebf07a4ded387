/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From frames of the switch to calls of the driver's transmit function. */
#include "twin/transmit.h"

#include "kernel_abi.h"
#include "lib/errno.h"
#include "net/offload.h"
#include "twin/fill.h"
#include "twin/loan.h"
#include "twin/native.h"
#include "twin/native_skb.h"
#include "twin/run.h"
#include "twin/share.h"
#include "twin/win.h"

#define QUEUE_SLOTS  512 /* power of two */
#define NETDEV_TX_OK 0
#define NO_OWNER     0xffffffff
#define CPU_OF_TWIN  0
#define XOFF         ((1UL << K___QUEUE_STATE_DRV_XOFF) | (1UL << K___QUEUE_STATE_STACK_XOFF))
#define FROZEN       (1UL << K___QUEUE_STATE_FROZEN)
/*
 * Most frames in a row that the card is not told of: fewer than the smallest ring takes, so that
 * there always are some whose completion brings the queue to life.
 */
#define UNTOLD_MAX 16

struct transmit_counts transmit_counts;

static struct pool_object *queue[QUEUE_SLOTS];
static unsigned int head, tail; /* run freely */
static bool stopped;            /* the driver's queue was found stopped */
static unsigned int untold;     /* frames that the driver has and the card may not know of */
static bool holds_lock;         /* _xmit_lock of the driver's queue is ours */
static bool in_hand;            /* the driver has the frame at the head just now */

static int no_buffer(void)
{
	transmit_counts.no_buffer++;
	return -EAGAIN;
}

static bool is_full(void)
{
	return tail - head == QUEUE_SLOTS;
}

/* o: NULL, no buffer was left. wire: frames that the card makes of it. */
static int put(struct pool_object *o, uint32_t len, unsigned int wire)
{
	if (!o)
		return no_buffer();
	queue[tail++ % QUEUE_SLOTS] = o;
	transmit_counts.queued++;
	transmit_counts.large += wire > 1;
	transmit_counts.wire += wire;
	transmit_counts.bytes += len;
	return 0;
}

static int put_packet(struct packet *pkt)
{
	struct pool_object *o;

	if (pkt->gso == GSO_NONE && pkt->len > FILL_PLAIN_MAX)
		return -EINVAL;
	if (is_full())
		return -EAGAIN;
	o = fill_packet(pkt);
	pkt->lent = o && o->loan;
	return put(o, pkt->len, packet_wire_frames(pkt));
}

static int put_pieces(struct packet *pkt, const struct offload_caps *caps)
{
	struct offload_iter it;
	struct offload_frame f;
	int err;

	offload_begin(&it, pkt, caps);
	while (offload_next(&it, &f)) {
		uint32_t len = f.head_len + f.body_len;

		if (len > FILL_PLAIN_MAX)
			return -EINVAL;
		err = is_full() ? -EAGAIN : put(fill_piece(&f), len, 1);
		if (err)
			return err;
		pkt->resume = f.payload_done;
	}
	return 0;
}

int transmit_queue(struct packet *pkt)
{
	struct offload_caps caps;

	if (fill_plan(pkt, &caps))
		return no_buffer();
	return offload_passes(pkt, &caps) ? put_packet(pkt) : put_pieces(pkt, &caps);
}

bool transmit_has_room(void)
{
	return !is_full() && fill_has_room();
}

bool transmit_pending(void)
{
	return head != tail && (!stopped || untold) && !share_guests_wait();
}

bool transmit_waits(void)
{
	return head != tail && share_guests_wait();
}

bool transmit_has_frames(void)
{
	return head != tail || pool_handed();
}

bool transmit_holds_lock(void)
{
	return holds_lock;
}

bool transmit_lock_is_foreign(void)
{
	return !holds_lock && win_read32(twin_att.txq + K_NETDEV_QUEUE__XMIT_LOCK);
}

static uint64_t queue_state(void)
{
	return win_read64(twin_att.txq + K_NETDEV_QUEUE_STATE);
}

void transmit_wake(void)
{
	stopped = false;
}

void transmit_look(void)
{
	if (stopped && head != tail && !(queue_state() & XOFF))
		twin_pending.transmit = true;
}

/* A queued spin lock is released by its low byte: waiters live in the others. */
static void unlock_queue(void)
{
	win_write32(twin_att.txq + K_NETDEV_QUEUE_XMIT_LOCK_OWNER, NO_OWNER);
	win_write8(twin_att.txq + K_NETDEV_QUEUE__XMIT_LOCK, 0);
	holds_lock = false;
}

/*
 * The driver VM may hold it, stopped in the middle of its own transmission: then we come back
 * later (R8). A queue that is frozen is locked as well, by netif_tx_lock(), which lets go of the
 * lock itself.
 */
static bool lock_queue(void)
{
	dva_t lock = twin_att.txq + K_NETDEV_QUEUE__XMIT_LOCK;

	if (win_cmpxchg32(lock, 0, 1) != 0) {
		transmit_counts.locked++;
		return false;
	}
	holds_lock = true;
	win_write32(twin_att.txq + K_NETDEV_QUEUE_XMIT_LOCK_OWNER, CPU_OF_TWIN);
	if (queue_state() & FROZEN) {
		unlock_queue();
		transmit_counts.locked++;
		return false;
	}
	return true;
}

static bool may_send(uint64_t driver_queue)
{
	uint64_t state = win_read64(twin_att.netdev + K_NET_DEVICE_STATE);

	if (!(state >> K___LINK_STATE_START & 1) || (state >> K___LINK_STATE_NOCARRIER & 1))
		return false;
	if (driver_queue & XOFF) {
		transmit_counts.stopped++;
		return false;
	}
	return true;
}

static bool is_large(unsigned int n)
{
	return queue[n % QUEUE_SLOTS]->pages;
}

/*
 * Whether the frame at the head may go with the promise of one more. Not with or in front of a
 * large one: it takes so many descriptors that the driver may refuse it although its queue is not
 * stopped, and then nothing that it knows of would ever complete and make room (R10).
 */
static bool more_follows(void)
{
	return tail - head > 1 && untold < UNTOLD_MAX && !is_large(head) && !is_large(head + 1);
}

/* false: the driver did not take it, so it is still ours. */
static bool give_to_driver(uint64_t fn, struct pool_object *o)
{
	bool taken;

	pool_hand_over(o, true);
	loan_in_hand(o);
	in_hand = true;
	taken = (int)run_call(fn, o->dva, twin_att.netdev) == NETDEV_TX_OK;
	in_hand = false;
	loan_in_hand(NULL);
	if (!taken)
		pool_hand_over(o, false);
	return taken;
}

/*
 * A driver tells the card of a frame, by its tail register, when no other follows or its queue is
 * stopped behind it. Frames it took with xmit_more before a refusal are not told of, and nothing
 * completes that would bring the queue to life: so it is kept in mind (R10).
 */
static void took(bool more, uint32_t bytes, uint64_t driver_queue)
{
	share_guests_sent(bytes);
	untold = more && !(driver_queue & XOFF) ? untold + 1 : 0;
	head++;
	transmit_counts.sent++;
	win_write64(twin_att.txq + K_NETDEV_QUEUE_TRANS_START, run_jiffies());
}

/*
 * Whether the driver VM's frames come next; it is told so. Not while the card has not been told of
 * ours.
 */
static bool is_dvms_turn(bool dvm_waits)
{
	if (!dvm_waits || untold || share_guests_next())
		return false;
	twin_pending.wake_dvm = true;
	return true;
}

void transmit_run(uint64_t fn)
{
	bool more = !untold; /* after such a refusal the next frame comes alone */
	bool dvm_waits;
	uint64_t driver_queue;
	uint32_t bytes;

	if (!lock_queue())
		return;
	dvm_waits = native_dvm_waits(twin_att.txq);
	if (!dvm_waits)
		share_reset();
	driver_queue = queue_state();
	while (head != tail) {
		if (!may_send(driver_queue)) {
			stopped = true;
			break;
		}
		if (is_dvms_turn(dvm_waits))
			break;
		bytes = GET(queue[head % QUEUE_SLOTS]->hva, SK_BUFF_LEN);
		more = more && more_follows();
		run_set_xmit_more(more);
		if (!give_to_driver(fn, queue[head % QUEUE_SLOTS])) {
			/* One that is busy for a moment stops nothing: the core tries again. */
			stopped = queue_state() & XOFF;
			transmit_counts.busy++;
			break;
		}
		driver_queue = queue_state();
		took(more, bytes, driver_queue);
		more = true;
	}
	unlock_queue();
}

/* Of a killed invocation one may still be in hand, which the journal had. */
void transmit_recall(void)
{
	unsigned int kept = head + in_hand;

	for (unsigned int n = kept; n != tail; n++) {
		struct pool_object *o = queue[n % QUEUE_SLOTS];

		if (loan_is_recalled(o)) {
			transmit_counts.discarded++;
			pool_put(o);
		} else {
			queue[kept++ % QUEUE_SLOTS] = o;
		}
	}
	tail = kept;
}

void transmit_reset(void)
{
	transmit_counts.discarded += tail - head;
	while (head != tail)
		pool_put(queue[head++ % QUEUE_SLOTS]);
	untold = 0;
	share_reset();
	stopped = holds_lock = false; /* a lock that it still holds went with its VM */
}

static void unlock_body(uint64_t arg)
{
	(void)arg;
	unlock_queue();
}

void transmit_after_kill(void)
{
	if (in_hand) { /* lost; the journal had its buffer */
		head++;
		transmit_counts.discarded++;
	}
	in_hand = false;
	loan_in_hand(NULL);
	if (!holds_lock)
		return;
	run_invocation(unlock_body,
		       0); /* where even that is refused the dvm's queue is lost anyway */
	holds_lock = false;
}
