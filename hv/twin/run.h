/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Invocations of the twin and their containment (R18, R19). An invocation runs on the twin's own
 * stack with interrupts on; a fault, an endless loop or a refusal inside it, be it in derived
 * code or in a native, unwinds to its start, and the twin is dead. One CPU, one invocation at a
 * time.
 */
#ifndef HV_TWIN_RUN_H
#define HV_TWIN_RUN_H

#include "lib/types.h"

struct trap_frame;

/* Stack, second-stack distance and gs block. Returns the top of the twin's stack. */
void run_init(void);
void *run_stack_top(void);
void run_set_segments(uint64_t stack_distance);

/*
 * Runs body(arg) as an invocation. true: it came to its end. false: it was aborted; run_why()
 * says why, for the log, and the caller carries out the kill protocol. Interrupts off before and
 * after.
 */
bool run_invocation(void (*body)(uint64_t arg), uint64_t arg);
const char *run_why(void);

/* For a death without an invocation: run_why() becomes "WHAT at FUNCTION+0x...". */
void run_blame(const char *what, uint64_t at);
bool run_active(void);
bool run_waits(void); /* it is suspended: an upcall is in progress */

/* Inside an invocation: calls derived code. */
uint64_t run_call(uint64_t fn, uint64_t a, uint64_t b);

/* How often the driver VM's kernel ticks in a second, as castor says. -EINVAL: it cannot be. */
int run_set_hz(uint32_t hz);

/*
 * Inside an invocation: the driver VM's jiffies, as the twin reads them too (R10, jiffies.h).
 * For natives.
 */
uint64_t run_jiffies(void);

/* Sets the twin's per-CPU softnet_data.xmit.more. */
void run_set_xmit_more(bool more);

/*
 * An upcall is in progress: the invocation is suspended, interrupts are off, and the driver VM
 * runs. Between the two the driver VM may have changed anything: run_resume() revalidates the
 * window. false: this invocation has waited for upcalls longer than it may, and is to be aborted.
 */
void run_suspend(void);
bool run_resume(void);

/* From the trap handlers. run_trap: true = handled, the frame says where to go on. */
bool run_trap(struct trap_frame *frame);
void run_tick(struct trap_frame *frame);

struct run_counts {
	uint64_t invocations, faults, warns, kills, tsc;
	uint64_t jiffies;       /* run_jiffies() of the last invocation */
	uint64_t jiffies_ahead; /* most that it was ahead of the driver VM's variable */
};
extern struct run_counts run_counts;

#endif
