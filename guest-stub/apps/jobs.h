/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work that goes on by itself (generators, pacing, time limits), as opposed to work that a
 * received frame causes. The main loop runs what is due and sleeps until the next is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * What a job's run function returns: when it wants to run again (clock_us() time), or one of
 * these.
 */
#define JOB_DONE      0          /* remove it; it may have freed itself */
#define JOB_WAIT_ROOM UINT64_MAX /* when the transmit ring has room again */

struct job {
	uint64_t (*run)(struct job *job, uint64_t now_us);
	uint64_t due_us; /* owned by jobs.c */
	struct job *next;
};

/*
 * Run it from the next round of the main loop on. The structure belongs to jobs.c until JOB_DONE.
 */
void job_add(struct job *job);

/* Run what is due. Main loop only. */
void jobs_run(uint64_t now_us);

/*
 * When the next job is due, UINT64_MAX = none; and whether one waits for room in the transmit
 * ring.
 */
uint64_t jobs_next_us(void);
bool jobs_wait_for_room(void);
