/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor's `mark`: one instruction that does nothing but that a counting emulator knows
 * (scripts/profile/count.c), which then writes its counts down. Everywhere else it is a no-op.
 */
#include "debug/monitor.h"

static int monitor_mark(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	/* nopl 0x504f4c58(%rax), by bytes: the assembler must not choose another form. */
	asm volatile(".byte 0x0f, 0x1f, 0x80\n\t.long 0x504f4c58" ::: "memory");
	return 0;
}
MONITOR("mark", "end of a measured window, for a counting emulator", monitor_mark);
