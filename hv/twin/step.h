/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults at one chosen instruction of derived code, for campaigns: the code stays as it was judged,
 * debug register 0 stops the CPU in front of the instruction, and the handler of #DB does what was
 * asked for. One at a time, once; it stays armed over attachments, whose text is the same.
 *
 * Virtual machines have debug registers 0 to 3 as they like, so register 0 is theirs again whenever
 * one runs: run.c switches the breakpoint on and off with the twin.
 */
#ifndef HV_TWIN_STEP_H
#define HV_TWIN_STEP_H

#include "lib/types.h"

struct trap_frame;

/* `fault at ...`: argv[2] on, see the usage that it prints. Returns as a monitor_fn. */
int step_command(int argc, char **argv);

/* The twin begins or goes on, ends or waits for an upcall. Interrupts off. */
void step_on(void);
void step_off(void);

enum step_verdict {
	STEP_NOT_OURS,
	STEP_GO_ON, /* the frame was changed as asked for, and the twin goes on */
	STEP_KILL
};

/* From the handler of #DB with the twin interrupted; touches the frame and mapped memory only. */
enum step_verdict step_hit(struct trap_frame *frame);

#endif
