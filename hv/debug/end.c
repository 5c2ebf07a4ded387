/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last thing the machine does. */
#include "debug/end.h"

#include "cpu/power.h"
#include "cpu/x86.h"
#include "debug/console.h"
#include "debug/log.h"

#define DEBUG_EXIT 0xf4

static bool panic_reboots;

void machine_end(uint8_t code)
{
	asm volatile("cli");
	/* An emulator ends at the next instruction, with what its UART still holds. */
	console_drain();
	outb(DEBUG_EXIT, code);
	log_info("the machine may be switched off (code %x)", code); /* Bochs is, by its launcher */
	for (;;)
		asm volatile("cli; hlt");
}

void machine_panic_reboots(bool yes)
{
	panic_reboots = yes;
}

void machine_panic(void)
{
	if (!panic_reboots)
		machine_end(END_FATAL);
	log_info("the machine starts anew (panic=reboot)");
	console_drain();
	power_reset();
}
