/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is seen at a look. */
#include "twin/watch.h"

#include "cpu/timer.h"
#include "kernel_abi.h"
#include "twin/card.h"
#include "twin/native.h"
#include "twin/receive.h"
#include "twin/run.h"
#include "twin/transmit.h"
#include "twin/win.h"
#include "vm/vm.h"

#define LOOK_MS 1000

static struct stuck_sight sight;

/* Wakes an idle hypervisor. */
static void look_fire(struct timer *timer)
{
	(void)timer;
}
static struct timer look_timer = { .fire = look_fire };

static bool is_due(const struct vm *dvm)
{
	static uint64_t looked;
	uint64_t now = vm_time(dvm);

	if (!look_timer.deadline)
		timer_arm(&look_timer, tsc_now() + LOOK_MS * tsc_khz);
	if (now - looked < LOOK_MS * tsc_khz)
		return false;
	looked = now;
	return true;
}

static void driver_body(uint64_t arg)
{
	uint64_t state = win_read64(twin_att.netdev + K_NET_DEVICE_STATE);

	(void)arg;
	sight.started = state >> K___LINK_STATE_START & 1 && state >> K___LINK_STATE_PRESENT & 1;
	sight.busy = card_driver_busy();
}

enum stuck_verdict watch_look(const struct vm *dvm, const char **what)
{
	struct card_sight card;

	if (!is_due(dvm) || !card_look(&card))
		return STUCK_NO;
	*what = NULL;
	if (!run_invocation(driver_body, 0))
		return STUCK_TWIN;
	sight.link = card.link;
	sight.paused = card.paused;
	sight.deaf = card.deaf;
	sight.head = card.head;
	sight.tail = card.tail;
	sight.waits = transmit_has_frames();
	sight.ended = transmit_counts.ended;
	sight.received = receive_counts.frames;
	return stuck_look(&sight, what);
}
