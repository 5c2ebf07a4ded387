/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends of the guest's life. */
#pragma once

/* Power the VM off. Never returns. May be called anywhere, also in an exception handler. */
__attribute__((noreturn)) void power_off(void);

/*
 * Print "stub: panic: ..." and power off: for our own bugs and for a device that breaks its
 * contract.
 */
__attribute__((noreturn, format(printf, 1, 2))) void panic(const char *format, ...);
