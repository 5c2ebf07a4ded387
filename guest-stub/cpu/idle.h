/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sleep until an interrupt or a time. The only place where interrupts are enabled.
 *
 * Contract. The caller runs with IF=0, arms its devices' interrupts, checks once more that there
 * is nothing to do, and calls idle_wait(). An interrupt raised after that check stays pending
 * because IF=0, and ends the HLT at once: STI takes effect only after the instruction that
 * follows it, so nothing can be delivered between the two and be slept over (the lost wake-up).
 */
#pragma once

#include <stdint.h>

/*
 * Sleep until clock_us() reaches until_us at the latest. Earlier returns are normal. Returns with
 * IF=0.
 */
void idle_wait(uint64_t until_us);

/* Number of sleeps since boot. */
extern uint64_t idle_count;
