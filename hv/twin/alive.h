/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether castor lives, and comes to an end of what it was asked for (R20). It is asked for a sign
 * of life when the driver VM has run a second without one, or ten seconds have passed. And its work
 * item, which attaches, detaches and recovers when an event or the opened interface asks for it,
 * must say that it is through: one that waits for ever, for a lock or for the driver, leaves
 * processes that run and a twin that never comes back.
 *
 * Interrupts off, one CPU.
 */
#ifndef HV_TWIN_ALIVE_H
#define HV_TWIN_ALIVE_H

#include "lib/types.h"

#define ALIVE_WORK_S 30 /* others may hold the interface's lock for some: a self-test, say */

struct vm;

/* Castor said hello, or is gone (NULL). */
void alive_begin(const struct vm *dvm);

/* Its sign of life. */
void alive_sign(void);

/* It is asked to attach, detach or recover; it is through with all that it was asked for. */
void alive_work(void);
void alive_work_done(void);

/* At each turn of the run loop in which a timer fired. */
enum alive_verdict {
	ALIVE_HEARD,
	ALIVE_STARVED, /* the VM ran for CASTOR_ANSWER_S, castor's work item did not */
	ALIVE_GONE,    /* the VM is idle, so that nothing keeps castor's work item */
	ALIVE_STUCK,   /* castor's work has lasted ALIVE_WORK_S of the VM's time (vm_time()) */
};
enum alive_verdict alive_look(void);

#endif
