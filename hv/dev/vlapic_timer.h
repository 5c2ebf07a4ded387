/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The timer of a virtual local APIC: one-shot and periodic counting on a bus clock of TSC/16, and
 * TSC-deadline. Called by dev/vlapic.c alone. Source: Intel SDM 3A 10.5.4.
 */
#ifndef HV_DEV_VLAPIC_TIMER_H
#define HV_DEV_VLAPIC_TIMER_H

#include "dev/vlapic.h"

#define VLAPIC_TIMER_DEADLINE (2U << 17) /* in the LVT entry */

void vlapic_timer_init(struct vlapic *apic);
void vlapic_timer_stop(struct vlapic *apic);

/* The count registers. Writes are ignored, and the present count is 0, in TSC-deadline mode. */
void vlapic_timer_set_initial(struct vlapic *apic, uint32_t count);
uint32_t vlapic_timer_current(const struct vlapic *apic);

/* MSR 0x6e0: TSC, 0 = disarmed. Writes are ignored, and it reads 0, in the other modes. */
void vlapic_timer_set_deadline(struct vlapic *apic, uint64_t deadline);
uint64_t vlapic_timer_deadline(const struct vlapic *apic);

#endif
