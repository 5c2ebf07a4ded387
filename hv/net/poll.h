/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who sends next. A kick only makes its port active; the run loop calls poll_run() at every exit
 * and before idling, which serves active ports by deficit round robin (Shreedhar and Varghese,
 * SIGCOMM 1995). An active port's kicks are held back, so that while it is busy a frame costs no
 * exit; a timer looks after VMs that run on without any exit, and puts ports where nothing came
 * for one period back to sleep: their next frame kicks at once. Interrupts off, one CPU.
 */
#ifndef HV_NET_POLL_H
#define HV_NET_POLL_H

#include "net/switch.h"

void poll_init(struct net_switch *sw);

/* A port's VM has something to send. */
void poll_activate(struct port *port);

/* Serves active ports; cheap when there are none. Does nothing while the VMs have their time. */
void poll_run(void);

/* No VM has anything to do: their time, if it is that, is over. True: call poll_run() again. */
bool poll_end_rest(void);

struct poll_counters {
	uint64_t runs, timer, sleeps;
};
extern struct poll_counters poll_counters;

#endif
