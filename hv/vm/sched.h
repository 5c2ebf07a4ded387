/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run loop: which VM runs, and what the hypervisor does between two runs. */
#ifndef HV_VM_SCHED_H
#define HV_VM_SCHED_H

#include "lib/types.h"

/* Runs until every VM has stopped, or for so many seconds (0: no limit); then ends the machine. */
void __noreturn sched_run(uint64_t seconds);

#endif
