/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Castor's signs of life. */
#include "twin/alive.h"

#include "cpu/timer.h"
#include "twin/castor.h"
#include "vm/vm.h"

#define ASK_AFTER_MS 1000 /* of run time after the last sign of life */
#define ASK_IDLE_S   10   /* of all time: one that is idle is asked too */

static const struct vm *dvm; /* NULL: there is no castor */
static uint64_t run_seen;    /* the driver VM's run time at the last turn */
static uint64_t silent;      /* run time since the last sign of life, or the question for one */
static uint64_t since;       /* steady clock then */
static bool asked;
static bool works;
static uint64_t works_since; /* vm_time() */

void alive_begin(const struct vm *vm)
{
	dvm = vm;
	run_seen = vm ? vm->run_tsc : 0;
	works = false;
	alive_sign();
}

void alive_sign(void)
{
	asked = false;
	silent = 0;
	since = steady_now();
}

void alive_work(void)
{
	if (!dvm || works)
		return;
	works = true;
	works_since = vm_time(dvm);
}

void alive_work_done(void)
{
	works = false;
}

static void ask(void)
{
	silent = 0;
	since = steady_now();
	asked = true;
	castor_raise(CASTOR_EVENT_ALIVE);
}

/* Wakes an idle hypervisor to look whether a question is due, or an answer. */
static void look_fire(struct timer *timer)
{
	(void)timer;
}
static struct timer look_timer = { .fire = look_fire };

enum alive_verdict alive_look(void)
{
	uint64_t limit = CASTOR_ANSWER_S * 1000 * tsc_khz;

	if (!dvm)
		return ALIVE_HEARD;
	silent += dvm->run_tsc - run_seen;
	run_seen = dvm->run_tsc;
	if (!look_timer.deadline)
		timer_arm(&look_timer, tsc_now() + limit);
	if (asked && silent > limit)
		return ALIVE_STARVED;
	/* The question woke it. Idle again, it has run all that it had to run. */
	if (asked && dvm->vcpu.halted && steady_now() - since > limit)
		return ALIVE_GONE;
	if (works && vm_time(dvm) - works_since > ALIVE_WORK_S * 1000 * tsc_khz)
		return ALIVE_STUCK;
	if (!asked &&
	    (silent > ASK_AFTER_MS * tsc_khz || steady_now() - since > ASK_IDLE_S * 1000 * tsc_khz))
		ask();
	return ALIVE_HEARD;
}
