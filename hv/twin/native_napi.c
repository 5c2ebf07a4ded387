/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Natives of NAPI and of the transmit queue: the same bits, changed with the same atomic
 * operations as the kernel's routines (R8, R9), because the driver VM works on them too. Source:
 * Linux 6.1 net/core/dev.c, lib/dynamic_queue_limits.c.
 */
#include "kernel_abi.h"
#include "twin/native.h"
#include "twin/run.h"
#include "twin/win.h"

#define NAPIF(bit)  (1UL << K_NAPI_STATE_##bit)
#define QUEUEF(bit) (1UL << K___QUEUE_STATE_##bit)
#define SPINS       1000 /* a compare-and-swap that fails so often is not a race */

static uint64_t napi_swap(dva_t napi, uint64_t (*next)(uint64_t))
{
	dva_t state = napi + K_NAPI_STRUCT_STATE;

	for (int i = 0; i < SPINS; i++) {
		uint64_t old = win_read64(state);

		if (win_cmpxchg64(state, old, next(old)) == old)
			return old;
	}
	native_kill("napi->state at %lx never holds still", state);
}

static uint64_t scheduled(uint64_t old)
{
	if (old & NAPIF(DISABLE))
		return old;
	return old | NAPIF(SCHED) | (old & NAPIF(SCHED) ? NAPIF(MISSED) : 0);
}

static bool native_napi_schedule_prep(dva_t napi)
{
	return !(napi_swap(napi, scheduled) & (NAPIF(DISABLE) | NAPIF(SCHED)));
}
NATIVE("napi_schedule_prep", native_napi_schedule_prep);

static void native_napi_schedule(dva_t napi)
{
	if (napi != twin_att.napi)
		native_kill("napi %lx is not the attached one", napi);
	twin_pending.poll = true;
}
NATIVE("__napi_schedule", native_napi_schedule);

static uint64_t completed(uint64_t old)
{
	uint64_t val = old & ~(NAPIF(MISSED) | NAPIF(SCHED) | NAPIF(SCHED_THREADED));

	return val | (old & NAPIF(MISSED) ? NAPIF(SCHED) : 0);
}

static bool native_napi_complete_done(dva_t napi, int work)
{
	uint64_t state = win_read64(napi + K_NAPI_STRUCT_STATE);

	(void)work;
	if (state & NAPIF(IN_BUSY_POLL))
		return false;
	/*
	 * Linux keeps netpoll out of a CPU's own poll (poll_owner); here the driver VM may stand in
	 * the middle of netpoll's while the twin polls. Nobody but the twin would poll again.
	 */
	if (state & NAPIF(NPSVC)) {
		native_napi_schedule(napi);
		return false;
	}
	if (napi_swap(napi, completed) & NAPIF(MISSED)) {
		native_napi_schedule(napi);
		return false;
	}
	return true;
}
NATIVE("napi_complete_done", native_napi_complete_done);

/* One without a lock counts on each CPU. */
static uint32_t qdisc_frames(dva_t qdisc)
{
	dva_t counts = win_read64(qdisc + K_QDISC_CPU_QSTATS);

	if (counts)
		return win_read32(twin_att.percpu + counts + K_GNET_STATS_QUEUE_QLEN);
	return win_read32(qdisc + K_QDISC_Q_QLEN);
}

/*
 * Its queue discipline says so; the dvm is woken only then (R10). One that has found the queue
 * stopped is DRAINING from then on, whether it has frames or not (Linux: dequeue_skb()).
 */
bool native_dvm_waits(dva_t txq)
{
	dva_t qdisc = win_read64(txq + K_NETDEV_QUEUE_QDISC);
	uint64_t state = qdisc ? win_read64(qdisc + K_QDISC_STATE) : 0;

	if (!qdisc)
		return false;
	return state & 1UL << K___QDISC_STATE_MISSED || win_read32(qdisc + K_QDISC_GSO_SKB_QLEN) ||
	       (state & 1UL << K___QDISC_STATE_DRAINING && qdisc_frames(qdisc));
}

static void native_netif_schedule_queue(dva_t txq)
{
	if (win_read64(txq + K_NETDEV_QUEUE_STATE) & (QUEUEF(DRV_XOFF) | QUEUEF(STACK_XOFF)))
		return;
	twin_pending.transmit = true;
	twin_pending.wake_dvm |= native_dvm_waits(txq);
}
NATIVE("netif_schedule_queue", native_netif_schedule_queue);

static void native_netif_tx_wake_queue(dva_t txq)
{
	dva_t state = txq + K_NETDEV_QUEUE_STATE;

	for (int i = 0; i < SPINS; i++) {
		uint64_t old = win_read64(state);

		if (win_cmpxchg64(state, old, old & ~QUEUEF(DRV_XOFF)) != old)
			continue;
		if (old & QUEUEF(DRV_XOFF)) {
			twin_pending.transmit = true;
			twin_pending.wake_dvm |= native_dvm_waits(txq);
		}
		return;
	}
	native_kill("the queue's state at %lx never holds still", state);
}
NATIVE("netif_tx_wake_queue", native_netif_tx_wake_queue);

#define DQL(f)        win_read32(dql + K_DQL_##f)
#define DQL_SET(f, v) win_write32(dql + K_DQL_##f, v)

static uint32_t positive(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0 ? a - b : 0;
}

/*
 * Byte queue limits: the amount of queued bytes that keeps the device busy until the next
 * completion. Follows the algorithm of dql_completed(): grow when the queue starved, else shrink
 * by the lowest slack seen over slack_hold_time.
 */
static uint32_t dql_new_limit(dva_t dql, uint32_t completed_, uint32_t num_queued, uint32_t limit)
{
	uint32_t inprogress = num_queued - completed_;
	uint32_t ovlimit = positive(num_queued - DQL(NUM_COMPLETED), limit);
	uint32_t prev_inprogress = DQL(PREV_NUM_QUEUED) - DQL(NUM_COMPLETED);
	bool all_prev = (int32_t)(completed_ - DQL(PREV_NUM_QUEUED)) >= 0;
	uint64_t jiffies = run_jiffies();

	if ((ovlimit && !inprogress) || (DQL(PREV_OVLIMIT) && all_prev)) {
		limit += positive(completed_, DQL(PREV_NUM_QUEUED)) + DQL(PREV_OVLIMIT);
		win_write64(dql + K_DQL_SLACK_START_TIME, jiffies);
		DQL_SET(LOWEST_SLACK, 0xffffffff);
	} else if (inprogress && prev_inprogress && !all_prev) {
		uint32_t slack =
			positive(limit + DQL(PREV_OVLIMIT), 2 * (completed_ - DQL(NUM_COMPLETED)));
		uint32_t last =
			DQL(PREV_OVLIMIT) ? positive(DQL(PREV_LAST_OBJ_CNT), DQL(PREV_OVLIMIT)) : 0;

		slack = MAX(slack, last);
		if (slack < DQL(LOWEST_SLACK))
			DQL_SET(LOWEST_SLACK, slack);
		if ((int64_t)(win_read64(dql + K_DQL_SLACK_START_TIME) + DQL(SLACK_HOLD_TIME) -
			      jiffies) < 0) {
			limit = positive(limit, DQL(LOWEST_SLACK));
			win_write64(dql + K_DQL_SLACK_START_TIME, jiffies);
			DQL_SET(LOWEST_SLACK, 0xffffffff);
		}
	}
	limit = MIN(limit, DQL(MAX_LIMIT));
	limit = MAX(limit, DQL(MIN_LIMIT));
	if (limit != DQL(LIMIT)) {
		DQL_SET(LIMIT, limit);
		ovlimit = 0;
	}
	return ovlimit;
}

static void native_dql_completed(dva_t dql, uint32_t count)
{
	uint32_t num_queued = DQL(NUM_QUEUED);
	uint32_t done = DQL(NUM_COMPLETED) + count;
	uint32_t ovlimit;

	if (count > num_queued - DQL(NUM_COMPLETED)) /* the kernel has a BUG_ON here */
		native_kill("dql_completed of %u bytes, %u queued", count,
			    num_queued - DQL(NUM_COMPLETED));
	ovlimit = dql_new_limit(dql, done, num_queued, DQL(LIMIT));
	DQL_SET(ADJ_LIMIT, DQL(LIMIT) + done);
	DQL_SET(PREV_OVLIMIT, ovlimit);
	DQL_SET(PREV_LAST_OBJ_CNT, DQL(LAST_OBJ_CNT));
	DQL_SET(NUM_COMPLETED, done);
	DQL_SET(PREV_NUM_QUEUED, num_queued);
}
NATIVE("dql_completed", native_dql_completed);
