/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's local APIC, owned by the hypervisor: xAPIC registers, or x2APIC MSRs when the
 * firmware left that on (then a CPU number above 254 ends the boot). Source: Intel SDM 3A ch. 10.
 */
#ifndef HV_CPU_LAPIC_H
#define HV_CPU_LAPIC_H

#include "lib/types.h"

/* Maps and enables it, silences the 8259s, calibrates TSC and timer (sets tsc_khz). */
void lapic_init(void);

void lapic_eoi(void);
uint8_t lapic_id(void);

/* An NMI for this CPU. May be called from the handler of one: it is taken when that has ended. */
void lapic_nmi_self(void);

/* One interrupt VEC_TIMER after so many TSC ticks; 0 stops the timer. */
void lapic_timer(uint64_t tsc_ticks);

/*
 * For tests: its next so many interrupts come so much later than asked for. At most 1 s, and
 * lapic_timer_came() is to be told of each.
 */
void lapic_timer_late(uint64_t tsc_ticks, uint64_t times);
uint64_t lapic_timer_late_left(void);
void lapic_timer_came(void);

#endif
