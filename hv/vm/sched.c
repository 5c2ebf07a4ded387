/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A slice for each of the VMs that have something to do, in the order of vm/turn.h. All work of the
 * hypervisor itself (timers, console, packets) is done here between two runs, with
 * interrupts off.
 */
#include "vm/sched.h"

#include "cpu/irq.h"
#include "cpu/nmi.h"
#include "cpu/storm.h"
#include "cpu/timer.h"
#include "cpu/x86.h"
#include "debug/console.h"
#include "debug/end.h"
#include "debug/log.h"
#include "debug/stats.h"
#include "lib/errno.h"
#include "net/charge.h"
#include "net/net.h"
#include "twin/attach.h"
#include "virt/virt_ops.h"
#include "vm/entry.h"
#include "vm/exit.h"
#include "vm/restart.h"
#include "vm/turn.h"

#define LOOK_MS    100
#define LONGEST_US 10000 /* that somebody pays for: the machine may have stood still */

static bool slice_over = true, time_over, timer_fired;
static uint64_t idle_tsc;
static const struct vm *inside;

static void slice_fire(struct timer *timer)
{
	(void)timer;
	slice_over = true;
}

static void time_fire(struct timer *timer)
{
	(void)timer;
	time_over = true;
}

static struct timer slice_timer = { .fire = slice_fire };
static struct timer run_timer = { .fire = time_fire };

/* Wakes an idle CPU to look whether somebody has waited for too long. */
static void look_fire(struct timer *timer)
{
	(void)timer;
}
static struct timer look_timer = { .fire = look_fire };

/* Each turn is a slice at most. */
static struct vm *pick(struct vm *now)
{
	struct vm *vm = turn_next(now, slice_over);

	if (vm && (vm != now || slice_over)) {
		slice_over = false;
		timer_arm(&slice_timer, tsc_now() + us_to_tsc(TURN_SLICE_US));
	}
	return vm;
}

/* TSC ticks since it was asked last: somebody pays for each, but for those of an idle CPU. */
static uint64_t passed(void)
{
	static uint64_t last;
	uint64_t now = tsc_now(), ticks = MIN(now - last, us_to_tsc(LONGEST_US));

	last = now;
	return ticks;
}

static void run_once(struct vm *vm)
{
	struct vm_exit exit;
	bool delivered;
	uint64_t start, ran;
	int vector = vlapic_pending(&vm->lapic);

	fpu_switch_to(vm);
	vlapic_pv_eoi_before_entry(&vm->lapic, vector);
	entry_count(vm, vector);
	start = steady_now();
	inside = vm;
	virt->vcpu_run(&vm->vcpu, vector, &delivered, &exit);
	inside = NULL;
	vm->left_tsc = rdtsc();
	ran = steady_at(vm->left_tsc) - start;
	vm->run_tsc += ran;
	storm_open_tsc += ran;
	if (delivered)
		vlapic_accept(&vm->lapic, vector);
	vlapic_pv_eoi_after_exit(&vm->lapic, delivered);
	exit_handle(&vm->vcpu, &exit);
}

const struct vm *sched_inside(void)
{
	return inside;
}

static void idle(void)
{
	uint64_t start = rdtsc();

	slice_over = true;
	cpu_idle();
	start = rdtsc() - start;
	passed();
	idle_tsc += start;
	storm_open_tsc += start;
}

int sched_run_until(struct vm *vm, bool (*done)(void *arg), void *arg, uint64_t limit_ms)
{
	uint64_t deadline = steady_now() + limit_ms * tsc_khz;

	while (!done(arg)) {
		irq_run();
		timer_fired |= timer_run();
		if (!vm_alive(vm) || steady_now() > deadline)
			return -EIO;
		if (!look_timer.deadline)
			timer_arm(&look_timer, tsc_now() + LOOK_MS * tsc_khz);
		if (vm_can_run(vm))
			run_once(vm);
		else
			idle();
	}
	return 0;
}

/*
 * The hypervisor's part of a turn is for frames, or it is the exit's. Upcalls are of it too: the
 * driver VM does not pay for what guests' frames have it do.
 */
static void charge(struct vm *vm)
{
	uint64_t ticks = passed();

	if (!net_charge(ticks) && vm)
		vm->paid_tsc += ticks;
}

static bool all_ended(void)
{
	for (unsigned int i = 0; i < vm_count; i++)
		if (vm_alive(vms[i]))
			return false;
	return true;
}

static void __noreturn end(void)
{
	uint8_t code = END_OK;

	for (unsigned int i = 0; i < vm_count; i++)
		if (vms[i]->state == VM_KILLED)
			code = END_VM_KILLED;
	log_info("end of the run%s", time_over ? ": its time is over" : ": every VM has ended");
	stats_dump();
	machine_end(code);
}

/*
 * What goes by the clock is looked at when a timer fired, not in each turn: those who look have a
 * timer of their own, and from wherever something begins a timer fires soon, the slice's behind a
 * VM, the twin's tick behind an invocation.
 */
static void look_after_dvm(void)
{
	bool look = timer_fired;

	timer_fired = false; /* they may wait for the driver VM, and more fire meanwhile */
	restart_poll(look);
	attach_poll(look);
}

/* For a run that is over. */
static void pay(struct vm *vm)
{
	uint64_t ticks = passed();

	vm->paid_tsc += vm->kind == VM_DVM ? net_charge_dvm(ticks) : ticks;
}

void __noreturn sched_run(uint64_t seconds)
{
	struct vm *vm = NULL;

	if (seconds)
		timer_arm(&run_timer, tsc_now() + seconds * 1000 * tsc_khz);
	for (;;) {
		irq_run();
		timer_fired |= timer_run();
		console_poll();
		net_poll();
		look_after_dvm();
		charge(vm);
		if (time_over || all_ended())
			end();
		/*
		 * The twin runs with interrupts on, so some may have been marked since irq_run().
		 * HLT would sleep over them, and a VM would run first.
		 */
		if (irq_waiting() || timer_waiting())
			continue;
		vm = pick(vm);
		if (vm) {
			run_once(vm);
			pay(vm);
		} else if (!net_end_rest()) {
			idle();
		}
	}
}

static void stats_cpu(void)
{
	json_u64("tsc_khz", tsc_khz);
	json_u64("idle_us", idle_tsc * 1000 / tsc_khz);
	json_u64("up_us", tsc_now() * 1000 / tsc_khz);
}
STATS("cpu", stats_cpu);
