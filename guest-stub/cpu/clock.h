/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time, from the TSC alone. Its rate comes from the command line word tsc_early_khz (the hypervisor
 * appends it), else from a calibration against the PIT, which exists only under plain QEMU.
 */
#pragma once

#include <stdint.h>

/* tsc_khz 0 = calibrate. Panics when neither gives a rate. Times count from this call. */
void clock_init(uint64_t tsc_khz);

uint64_t clock_tsc_khz(void);

/* Microseconds since clock_init(). */
uint64_t clock_us(void);

/* The TSC value at which clock_us() will be us. */
uint64_t clock_us_to_tsc(uint64_t us);
