/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bound for a level pin that fires again whenever it is opened: a device that nobody can silence,
 * or another one on the same line. Its owner serves it and opens it, the CPU leaves the next VM at
 * once, and no VM gets anywhere. After a row of such interrupts the pin stays masked for a while
 * each time, so it is polled, and VMs have the time between. It is open as usual again as soon as
 * it stays quiet when opened. Run loop, interrupts off.
 */
#ifndef HV_CPU_STORM_H
#define HV_CPU_STORM_H

#include "lib/types.h"

/* Time in VMs and in HLT, in TSC ticks: the run loop adds what passed. Interrupts come there. */
extern uint64_t storm_open_tsc;

/* The masked pin becomes open. */
void storm_opened(unsigned int pin);

/*
 * Its device had work when it was served, frames to move: a busy one is none that nobody can
 * silence, however fast it fires. A cause alone is not work: a mad device always shows one.
 */
void storm_worked(unsigned int pin);

/* The pin fired and is masked. true: its owner must wait; then release(pin) is called. */
bool storm_holds(unsigned int pin, void (*release)(unsigned int pin));

struct storm_counts {
	uint64_t held;    /* how often owners waited */
	uint64_t longest; /* interrupts in a row */
};
extern struct storm_counts storm_counts;

#endif
