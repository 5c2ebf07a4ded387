/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in front of hv/cpu/x86.h: a clock that the test moves by hand. */
#ifndef TESTS_CPU_X86_H
#define TESTS_CPU_X86_H

#include "lib/types.h"

uint64_t rdtsc(void);

#endif
