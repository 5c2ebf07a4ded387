/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "apps/jobs.h"
#include "virtio/virtio_net.h"

#include <stddef.h>

static struct job *jobs;

void job_add(struct job *job)
{
	job->due_us = 0;
	job->next = jobs;
	jobs = job;
}

static bool is_due(const struct job *job, uint64_t now_us)
{
	return job->due_us == JOB_WAIT_ROOM ? virtio_net_room() > 0 : job->due_us <= now_us;
}

/* A job may add others (at the head, behind our back) but removes only itself. */
void jobs_run(uint64_t now_us)
{
	struct job **at = &jobs;

	while (*at) {
		struct job *job = *at, *next = job->next;
		uint64_t due;

		if (!is_due(job, now_us)) {
			at = &job->next;
			continue;
		}
		due = job->run(job, now_us);
		while (*at != job) /* others were added in front */
			at = &(*at)->next;
		if (due == JOB_DONE) {
			*at = next;
		} else {
			job->due_us = due;
			at = &job->next;
		}
	}
}

uint64_t jobs_next_us(void)
{
	uint64_t next = UINT64_MAX;

	for (const struct job *job = jobs; job; job = job->next) {
		if (job->due_us != JOB_WAIT_ROOM && job->due_us < next)
			next = job->due_us;
	}
	return next;
}

bool jobs_wait_for_room(void)
{
	for (const struct job *job = jobs; job; job = job->next) {
		if (job->due_us == JOB_WAIT_ROOM)
			return true;
	}
	return false;
}
