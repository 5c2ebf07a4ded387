/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the hypervisor needs of a CPU or uses where it is there: a table of names, each with its
 * source and with what it is for. Rows are of any CPU, or of one vendor's; which vendor's are
 * looked at follows from what the CPU can do and else from its name. What a table of features
 * cannot tell, bugs of certain models, is in cpu/errata.h.
 *
 * Sources: AMD APM 3 appendix E (CPUID), APM 2 15.4 (enabling AMD-V) and 15.30.1 (VM_CR); Intel SDM
 * 2A CPUID, SDM 3C 23.7 (FEATURE_CONTROL). On the CPU that runs it; any context.
 */
#ifndef HV_CPU_FEATURES_H
#define HV_CPU_FEATURES_H

#include "lib/types.h"

/*
 * The whole table into the log, a line each: ok; missing (needed); locked (there, but switched off
 * by the firmware); optional (not there, and not needed). Returns how many needed ones lack.
 */
unsigned int features_print(void);

/* For an ordinary boot: returns, or ends the boot with the names of all needed ones that lack. */
void features_require(void);

#endif
