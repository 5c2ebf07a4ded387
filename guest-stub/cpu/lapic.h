/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local APIC: end of interrupt, the one-shot timer, and where MSI messages go (SDM vol. 3A
 * ch. 10).
 *
 * x2APIC registers (MSRs) where CPUID offers them, else the memory-mapped xAPIC. The timer runs
 * in TSC-deadline mode where CPUID offers it, else as a one-shot counter calibrated against the
 * TSC. KVM's paravirtual EOI is used when offered: then most interrupts end without an exit.
 */
#pragma once

#include <stdint.h>

/* Enable the APIC and mask everything but the timer. Needs paging_init() and clock_init(). */
void lapic_init(void);

/* End of interrupt. Interrupt handlers only. */
void lapic_eoi(void);

/*
 * Raise VECTOR_TIMER when the TSC reaches tsc, or very soon if it has. Replaces the earlier
 * setting.
 */
void lapic_timer_arm(uint64_t tsc);

/*
 * The MSI address that delivers an edge interrupt to this CPU (fixed mode, physical destination).
 */
uint32_t lapic_msi_address(void);

/*
 * One word each for the boot line: "x2apic" or "xapic", with "+pv-eoi"; "tsc-deadline" or "one-
 * shot".
 */
const char *lapic_mode(void);
const char *lapic_timer_mode(void);
