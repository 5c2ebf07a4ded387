/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands below the device models in these tests: a clock that moves by hand, timers on it, one
 * VM with a little RAM, a machine IOAPIC whose pins have lines, and a log that counts warnings.
 */
#ifndef TESTS_UNIT_DEV_FAKE_H
#define TESTS_UNIT_DEV_FAKE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "vm/vm.h"

#define FAKE_RAM_GPA  0x100000UL
#define FAKE_RAM_SIZE 0x2000UL
#define FAKE_TSC_KHZ  1000000UL /* 1 tick = 1 ns */

extern struct vm fake_vm;
extern uint64_t fake_tsc;
extern uint8_t fake_ram[FAKE_RAM_SIZE];
extern unsigned int fake_warnings;

struct fake_pin {
	bool line, masked, level, active_low;
	unsigned int routed; /* calls of ioapic_route() */
};
extern struct fake_pin fake_pins[24];

/* Everything as after power-up: VM running, clock at 1 s, pins masked. */
int fake_reset(void **state);

/* Moves the clock and fires what is due, in order, each at its own time. */
void fake_time_pass(uint64_t ticks);
bool fake_timer_armed(void);

/*
 * The device drives the line of a machine pin; a level pin that is open and high interrupts, and
 * the handler masks it, as cpu/irq.c does. Returns whether there was an interrupt.
 */
bool fake_pin_drive(unsigned int phys, bool line);
bool fake_pin_poll(unsigned int phys);

#endif
