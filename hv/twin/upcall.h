/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Upcalls: a support routine that has no native runs in the driver VM, called by castor, while the
 * invocation waits (paper section 4.3): in its hard interrupt under a lock, else in a softirq. What
 * needs no result is queued and run after the activation instead, so that nothing the twin loaded
 * before can go stale under it (R15). Each is counted and timed by name.
 */
#ifndef HV_TWIN_UPCALL_H
#define HV_TWIN_UPCALL_H

#include "lib/types.h"

struct upcall_count {
	uint64_t calls, tsc;
};

/* By index of TWIN_TABLE_IMPORTS. */
extern struct upcall_count upcall_count[];

/* Addresses of the imports in the dvm (attach); forgets what is queued. */
void upcall_bind(const uint64_t *import_dva);

/*
 * Runs the queued ones. From the run loop, outside an invocation. 0, or -EIO: the dvm did not
 * answer.
 */
int upcall_run_queued(void);

/* Whether a native is to run as upcall, by the monitor's wish; asked when the twin is placed. */
bool upcall_is_forced(const char *name);

/* twin_image is another file now: the counts begin anew, as its imports have other numbers. */
void upcall_forget(void);

/* Upcalls so far, all names together. */
uint64_t upcall_total(void);

#endif
