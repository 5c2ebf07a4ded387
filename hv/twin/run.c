/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Invocations: entry, time bound, traps, abort. */
#include "twin/run.h"

#include "cpu/lapic.h"
#include "cpu/timer.h"
#include "cpu/trap.h"
#include "cpu/x86.h"
#include "debug/log.h"
#include "debug/symbol.h"
#include "kernel_abi.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mem/layout.h"
#include "mem/paging.h"
#include "twin/gate.h"
#include "twin/jiffies.h"
#include "twin/journal.h"
#include "twin/load.h"
#include "twin/native.h"
#include "twin/step.h"
#include "twin/stlb.h"
#include "twin/win.h"
#include "twin/window.h"
#include "virt/virt_ops.h"
#include "vm/vm.h"

#define TICK_MS 10
/*
 * Ticks inside one call of the driver, the instruction pointer in derived code: an endless loop. A
 * second of them, because an emulator sends a whole batch of frames inside one doorbell write.
 */
#define TICKS_MAX   100
#define TICKS_ALL   500 /* in a whole invocation, which calls the driver once for each frame */
#define UPCALLS_S   5   /* that an invocation may wait for the driver VM, all upcalls together */
#define UD2_LEN     2
#define TWIN_CANARY 0x5eed5eed5eed5e00UL
/*
 * __preempt_count of a CPU in a softirq whose task need not be rescheduled (x86
 * asm/preempt.h: bit 31 set = no need). preempt_enable() never gets it to 0.
 */
#define IN_SOFTIRQ 0x80000100U

struct run_counts run_counts;
struct twin_attachment twin_att;
struct twin_pending twin_pending;

static void *stack_top;
static uint32_t xmit_more_offset, jiffies_offset;
static struct jiffies clock;
static bool clock_old; /* the answer is of an earlier invocation, or of before an upcall */
static bool active, waits;
static unsigned int ticks, ticks_all; /* of this call, of this invocation; upcalls not counted */
static uint64_t suspended_at, waited; /* steady clock; time in upcalls of this invocation */
static char why[200];

extern const uint64_t __fixup_start[], __fixup_end[];
extern const struct native __native_start[], __native_end[];

static void tick_fire(struct timer *timer)
{
	(void)timer; /* outside an invocation it means nothing; the next invocation arms it again */
}
static struct timer tick_timer = { .fire = tick_fire };

static void arm_tick(uint64_t now)
{
	if (!tick_timer.deadline)
		timer_arm(&tick_timer, now + TICK_MS * tsc_khz);
}

void run_init(void)
{
	stack_top = stack_alloc(TWIN_STACK_BYTES);
}

void *run_stack_top(void)
{
	return stack_top;
}

/*
 * Where the file's table puts `bytes` bytes of a variable, from `at` on: the table has whole
 * stretches of variables. For a driver that does not read them: the block's last bytes.
 */
static uint32_t find_gs(const char *name, uint32_t at, uint32_t bytes)
{
	const struct twin_gs *g = twin_table(TWIN_TABLE_GS);

	for (uint32_t i = 0; i < twin_count(TWIN_TABLE_GS); i++) {
		uint64_t offset = (uint64_t)g[i].gs_offset + at - g[i].addend;

		if (strcmp(twin_string(g[i].name), name) == 0 && g[i].addend <= at &&
		    (uint64_t)at + bytes <= (uint64_t)g[i].addend + g[i].bytes &&
		    offset <= TWIN_GS_BLOCK_BYTES - bytes)
			return offset;
	}
	return TWIN_GS_BLOCK_BYTES - bytes;
}

void run_set_segments(uint64_t stack_distance)
{
	memset(twin_cpu.block, 0, TWIN_GS_BLOCK_BYTES);
	memcpy(twin_cpu.block + TWIN_GS_CANARY, &(uint64_t){ TWIN_CANARY }, 8);
	memcpy(twin_cpu.block + find_gs("current_task", 0, 8), &twin_att.task, 8);
	memcpy(twin_cpu.block + find_gs("__preempt_count", 0, 4), &(uint32_t){ IN_SOFTIRQ }, 4);
	xmit_more_offset = find_gs("softnet_data", K_SOFTNET_DATA_XMIT_MORE, 1);
	jiffies_offset = find_gs("jiffies", 0, sizeof(run_counts.jiffies));
	log_info("twin's variables: xmit.more at gs:%x, jiffies at gs:%x", xmit_more_offset,
		 jiffies_offset);
	twin_cpu.stack_floor = (uint64_t)stack_top - TWIN_STACK_FLOOR;
	virt->host_segments(stack_distance, (uint64_t)&twin_cpu);
}

void run_set_xmit_more(bool more)
{
	twin_cpu.block[xmit_more_offset] = more;
}

int run_set_hz(uint32_t hz)
{
	return jiffies_start(&clock, tsc_khz, hz);
}

/* Once for an invocation: the driver VM does not run in between, and calls are many. */
uint64_t run_jiffies(void)
{
	uint64_t dvm, now;

	if (!clock_old)
		return run_counts.jiffies;
	clock_old = false;
	dvm = win_read64(twin_att.jiffies);
	now = jiffies_at(&clock, dvm, rdtsc() - twin_att.dvm->left_tsc);
	memcpy(twin_cpu.block + jiffies_offset, &now, sizeof(now));
	run_counts.jiffies = now;
	run_counts.jiffies_ahead = MAX(run_counts.jiffies_ahead, now - dvm);
	return now;
}

bool run_active(void)
{
	return active;
}

bool run_waits(void)
{
	return waits;
}

const char *run_why(void)
{
	return why;
}

bool run_invocation(void (*body)(uint64_t arg), uint64_t arg)
{
	uint64_t start = rdtsc();

	BUG_ON(active);
	arm_tick(start);
	window_revalidate();
	journal_begin();
	run_counts.invocations++;
	ticks = ticks_all = 0;
	waited = 0;
	clock_old = true;
	active = true;
	step_on();
	twin_enter(arg, stack_top, body);
	active = false;
	step_off();
	run_counts.tsc += rdtsc() - start;
	journal_end(twin_aborted);
	if (!twin_aborted)
		return true;
	twin_aborted = 0;
	run_counts.kills++;
	return false;
}

uint64_t run_call(uint64_t fn, uint64_t a, uint64_t b)
{
	ticks = 0;
	run_jiffies();
	return twin_call(fn, a, b);
}

void run_suspend(void)
{
	asm volatile("cli" ::: "memory");
	active = false;
	waits = true;
	step_off();
	suspended_at = steady_now();
}

bool run_resume(void)
{
	waited += steady_now() - suspended_at;
	arm_tick(rdtsc()); /* it may have passed meanwhile, and nobody else counts the ticks */
	active = true;
	waits = false;
	clock_old = true;
	window_revalidate();
	step_on();
	asm volatile("sti" ::: "memory");
	return waited <= UPCALLS_S * 1000 * tsc_khz;
}

static bool in_fixup(uint64_t rip)
{
	for (const uint64_t *f = __fixup_start; f < __fixup_end; f++)
		if (*f == rip)
			return true;
	return false;
}

static void abort_at(struct trap_frame *frame, const char *what)
{
	char where[96];

	if (twin_has(frame->rip))
		twin_symbol(frame->rip, where, sizeof(where));
	else
		symbol_format(frame->rip, where, sizeof(where));
	snprintf(why, sizeof(why), "%s at %s", what, where);
	frame->rip = (uint64_t)twin_abort;
	frame->rflags &= ~(RFLAGS_IF | BIT(8) | BIT(10) | BIT(18)); /* IF TF DF AC */
}

/*
 * Whether only the twin can have led to a trap outside of its code: on its stack it jumped to what
 * is no code of ours, or our code runs with a stack pointer that is of no stack of ours. Judged
 * code cannot do that; a fault of the machine can, and then the twin is stopped, not the
 * hypervisor. A trap in our own code on a stack of ours, or anywhere in a handler (they have stacks
 * of their own), is our bug.
 */
static bool twin_went_astray(const struct trap_frame *frame)
{
	if (!stack_has(frame->rsp))
		return true;
	if (frame->rsp > (uint64_t)stack_top || frame->rsp < (uint64_t)stack_top - TWIN_STACK_BYTES)
		return false;
	return frame->rip < (uint64_t)__text_start || frame->rip >= (uint64_t)__text_end;
}

static bool window_fault(struct trap_frame *frame, char *what, size_t size)
{
	uint64_t addr = read_cr2();
	const char *reason = "address in the lower half";

	run_counts.faults++;
	if (stlb_is_open() && stlb_has(addr)) {
		if (stlb_fault(addr, frame->error & 2, frame->error & 16, &addr, &reason))
			return true;
	} else if ((addr >> 63) &&
		   window_fill(addr, frame->error & 2, frame->error & 16, &reason)) {
		return true;
	}
	snprintf(what, size, "%s of %lx: %s",
		 frame->error & 16  ? "fetch"
		 : frame->error & 2 ? "write"
				    : "read",
		 addr, reason);
	return false;
}

bool run_trap(struct trap_frame *frame)
{
	static const char *const names[32] = { [0] = "#DE divide error",
					       [1] = "#DB",
					       [3] = "#BP",
					       [6] = "#UD invalid opcode",
					       [12] = "#SS non-canonical address",
					       [13] = "#GP non-canonical address",
					       [17] = "#AC" };
	char what[120];
	enum step_verdict v = STEP_NOT_OURS;

	if (!active)
		return false;
	if (!twin_has(frame->rip) && !in_fixup(frame->rip)) {
		if (!twin_went_astray(frame))
			return false;
		snprintf(what, sizeof(what), "trap %lu outside of its code, stack pointer %lx",
			 frame->vector, frame->rsp);
		abort_at(frame, what);
		return true;
	}
	if (frame->vector == VEC_DB)
		v = step_hit(frame);
	if (v == STEP_GO_ON)
		return true;
	if (v == STEP_KILL) {
		strlcpy(what, "killed at a step", sizeof(what));
	} else if (frame->vector == VEC_PF) {
		if (window_fault(frame, what, sizeof(what)))
			return true;
	} else if (frame->vector == 6 && twin_is_warn(frame->rip)) {
		run_counts.warns++;
		frame->rip += UD2_LEN;
		return true;
	} else {
		snprintf(what, sizeof(what), "%s",
			 names[frame->vector] ? names[frame->vector] : "trap");
	}
	abort_at(frame, what);
	return true;
}

/*
 * Natives are bounded by themselves, so only time inside derived code counts. A late timer kills
 * nobody: ticks do.
 */
void run_tick(struct trap_frame *frame)
{
	if (!active)
		return;
	lapic_timer(TICK_MS * tsc_khz);
	ticks++;
	ticks_all++;
	if ((ticks > TICKS_MAX || ticks_all > TICKS_ALL) && twin_has(frame->rip))
		abort_at(frame, "endless loop");
}

/* The derived function of an address, in `where`. */
static const char *place(uint64_t rip, char *where, size_t size)
{
	strlcpy(where, "?", size);
	if (twin_has(rip))
		twin_symbol(rip, where, size);
	return where;
}

/*
 * Natives keep frame pointers: the first return address in derived code is the call of the
 * native. 0: none.
 */
static uint64_t derived_caller(const uint64_t *frame)
{
	const uint64_t *top = stack_top, *bottom = top - TWIN_STACK_BYTES / sizeof(*top);

	for (unsigned int depth = 0; depth < 8; depth++) {
		if (frame < bottom || frame > top - 2 || (uint64_t)frame % sizeof(*frame))
			break;
		if (twin_has(frame[1]))
			return frame[1];
		frame = (const uint64_t *)frame[0];
	}
	return 0;
}

void native_kill(const char *fmt, ...)
{
	uint64_t caller = derived_caller(__builtin_frame_address(0));
	char text[100], native[48], where[48];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(why, sizeof(why), "%s in %s at %s", text,
		 symbol_format((uint64_t)__builtin_return_address(0), native, sizeof(native)),
		 place(caller, where, sizeof(where)));
	twin_abort();
}

void twin_refuse_indirect(uint64_t caller, uint64_t address)
{
	char where[96];

	snprintf(why, sizeof(why), "indirect call to %lx, which is no derived function, at %s",
		 address, place(caller, where, sizeof(where)));
}

void twin_refuse_depth(uint64_t caller)
{
	char where[96];

	snprintf(why, sizeof(why), "indirect calls nest too deep at %s",
		 place(caller, where, sizeof(where)));
}

void twin_miss(uint64_t address, uint64_t caller)
{
	char where[96];
	const char *reason;

	if (stlb_fill(address, &reason))
		return;
	snprintf(why, sizeof(why), "access of %lx: %s at %s", address, reason,
		 place(caller, where, sizeof(where)));
	twin_abort();
}

void run_blame(const char *what, uint64_t at)
{
	char where[96];

	snprintf(why, sizeof(why), "%s at %s", what, twin_symbol(at, where, sizeof(where)));
}

void twin_refuse_stack(uint64_t rsp)
{
	snprintf(why, sizeof(why), "it returned with the stack at %lx", rsp);
}

const struct native *native_find(const char *name)
{
	for (const struct native *n = __native_start; n < __native_end; n++)
		if (strcmp(n->name, name) == 0)
			return n;
	return NULL;
}
