/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/ioapic.h"
#include "debug/log.h"
#include "vm/mem.h"

struct vm fake_vm;
uint64_t fake_tsc;
uint8_t fake_ram[FAKE_RAM_SIZE] __aligned(16);
unsigned int fake_warnings;
struct fake_pin fake_pins[24];
uint64_t tsc_khz = FAKE_TSC_KHZ;

static struct timer *armed;

int fake_reset(void **state)
{
	(void)state;
	memset(&fake_vm, 0, sizeof(fake_vm));
	memset(fake_ram, 0, sizeof(fake_ram));
	memset(fake_pins, 0, sizeof(fake_pins));
	for (unsigned int i = 0; i < 24; i++)
		fake_pins[i].masked = true;
	fake_warnings = 0;
	fake_tsc = 1000000000;
	armed = NULL;
	fake_vm.vcpu.vm = &fake_vm;
	fake_vm.state = VM_RUNNING;
	vlapic_init(&fake_vm.lapic, &fake_vm);
	vioapic_init(&fake_vm.ioapic, &fake_vm);
	return 0;
}

/* ---- time ---- */

uint64_t tsc_now(void)
{
	return fake_tsc;
}

void timer_cancel(struct timer *timer)
{
	for (struct timer **at = &armed; *at; at = &(*at)->next)
		if (*at == timer) {
			*at = timer->next;
			break;
		}
	timer->deadline = 0;
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
	struct timer **at = &armed;

	timer_cancel(timer);
	timer->deadline = deadline ? deadline : 1;
	while (*at && (*at)->deadline <= timer->deadline)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
}

bool fake_timer_armed(void)
{
	return armed;
}

void fake_time_pass(uint64_t ticks)
{
	uint64_t end = fake_tsc + ticks;

	while (armed && armed->deadline <= end) {
		struct timer *timer = armed;

		if (timer->deadline > fake_tsc)
			fake_tsc = timer->deadline;
		armed = timer->next;
		timer->deadline = 0;
		timer->fire(timer);
	}
	fake_tsc = end;
}

/* ---- the machine's IOAPIC ---- */

unsigned int ioapic_pins(void)
{
	return 24;
}

void ioapic_route(unsigned int pin, bool level, bool active_low, bool masked)
{
	assert_in_range(pin, 0, 23);
	fake_pins[pin].level = level;
	fake_pins[pin].active_low = active_low;
	fake_pins[pin].masked = masked;
	fake_pins[pin].routed++;
}

void ioapic_mask(unsigned int pin)
{
	fake_pins[pin].masked = true;
}

void ioapic_unmask(unsigned int pin)
{
	fake_pins[pin].masked = false;
}

static bool interrupt(unsigned int phys)
{
	if (fake_pins[phys].level)
		ioapic_mask(phys);
	for (unsigned int i = 0; i < VIOAPIC_PINS; i++)
		if (fake_vm.ioapic.pin[i].phys == (int)phys)
			vioapic_phys_irq(&fake_vm.ioapic, i);
	return true;
}

bool fake_pin_poll(unsigned int phys)
{
	struct fake_pin *p = &fake_pins[phys];

	return p->level && p->line && !p->masked ? interrupt(phys) : false;
}

bool fake_pin_drive(unsigned int phys, bool line)
{
	struct fake_pin *p = &fake_pins[phys];
	bool rising = line && !p->line;

	p->line = line;
	if (p->level)
		return fake_pin_poll(phys);
	return rising && !p->masked ? interrupt(phys) : false;
}

/* ---- memory, log, strings ---- */

void *vm_ram(const struct vm *vm, gpa_t gpa, uint64_t len)
{
	assert_ptr_equal(vm, &fake_vm);
	if (gpa < FAKE_RAM_GPA || gpa - FAKE_RAM_GPA > FAKE_RAM_SIZE ||
	    len > FAKE_RAM_SIZE - (gpa - FAKE_RAM_GPA))
		return NULL;
	return fake_ram + (gpa - FAKE_RAM_GPA);
}

void log_warn(const char *fmt, ...)
{
	(void)fmt;
	fake_warnings++;
}

void bug(const char *file, int line, const char *fmt, ...)
{
	(void)fmt;
	fprintf(stderr, "BUG at %s:%d\n", file, line);
	abort();
}

/* Debian 12's C library has none. */
size_t strlcpy(char *dst, const char *src, size_t size)
{
	snprintf(dst, size, "%s", src);
	return strlen(src);
}
