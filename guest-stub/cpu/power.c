/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/power.h"
#include "cpu/x86.h"
#include "lib/print.h"

#include <stdarg.h>

/*
 * QEMU's pc and q35 both have their PM1a control register here after SeaBIOS ran; SLP_EN with
 * type 0 is S5. Under the hypervisor nothing listens at this port, and HLT with IF=0 is the power
 * switch.
 */
#define PM1A_CONTROL 0x604
#define PM1_SLP_EN   (1u << 13)

void power_off(void)
{
	__asm__ volatile("cli");
	print("stub: power off\n");
	out16(PM1A_CONTROL, PM1_SLP_EN);
	for (;;)
		__asm__ volatile("cli; hlt" : : : "memory");
}

void panic(const char *format, ...)
{
	va_list args;

	print("stub: panic: ");
	va_start(args, format);
	print_va(format, args);
	va_end(args);
	print("\n");
	power_off();
}
