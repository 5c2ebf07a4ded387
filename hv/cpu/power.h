/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine off, and from its beginning again. What the firmware's tables say (cpu/firmware.h)
 * comes first, then what PCs have always had. Both are the last thing that the hypervisor does;
 * what devices do meanwhile is their owners' business. Interrupts off.
 *
 * Source: ACPI 6.4, 4.8.2.1 (switching ACPI on), 4.8.3.2 (PM1 control), 4.8.3.6 (reset register).
 */
#ifndef HV_CPU_POWER_H
#define HV_CPU_POWER_H

#include "lib/types.h"

/* At boot, behind firmware_read(): maps what a reset needs, since a panic should not have to. */
void power_init(void);

/* Sleep state S5. Returns where that is not known, or the machine did not go off in a second. */
void power_off(void);

/* The reset register, port 0xcf9, the keyboard controller, a triple fault: until one works. */
void __noreturn power_reset(void);

#endif
