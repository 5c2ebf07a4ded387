/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's first IOAPIC (82093AA registers). */
#include "cpu/ioapic.h"

#include "cpu/firmware.h"
#include "cpu/lapic.h"
#include "cpu/storm.h"
#include "cpu/trap.h"
#include "debug/log.h"
#include "mem/paging.h"
#include "mem/phys.h"

#define USUAL_HPA      0xfec00000UL
#define RTE_ACTIVE_LOW 0x2000
#define RTE_LEVEL      0x8000
#define RTE_MASKED     0x10000
#define RTE_NMI        0x400

static volatile uint32_t *regs;
static unsigned int pins;

static uint32_t reg_read(unsigned int reg)
{
	regs[0] = reg;
	return regs[4];
}

static void reg_write(unsigned int reg, uint32_t val)
{
	regs[0] = reg;
	regs[4] = val;
}

static hpa_t address(void)
{
	for (unsigned int i = 0; i < firmware.ioapics; i++)
		if (!firmware.ioapic[i].first_pin)
			return firmware.ioapic[i].hpa;
	log_warn("ACPI names no IOAPIC: it is taken to be at %lx", USUAL_HPA);
	return USUAL_HPA;
}

void ioapic_init(void)
{
	hpa_t hpa = address();

	if (phys_is_ram(hpa))
		boot_fail("the firmware's IOAPIC address %lx cannot be right", hpa);
	regs = mmio_map(hpa, PAGE_SIZE);
	pins = MIN((reg_read(1) >> 16 & 0xff) + 1, 24U);
	if (reg_read(1) == 0xffffffff)
		boot_fail("no IOAPIC at %lx", hpa);
	for (unsigned int i = 0; i < pins; i++)
		ioapic_route(i, false, false, true);
}

unsigned int ioapic_pins(void)
{
	return pins;
}

void ioapic_route(unsigned int pin, bool level, bool active_low, bool masked)
{
	if (!masked)
		storm_opened(pin);
	reg_write(0x11 + 2 * pin, (uint32_t)lapic_id() << 24);
	reg_write(0x10 + 2 * pin, (VEC_PIN + pin) | (active_low ? RTE_ACTIVE_LOW : 0) |
					  (level ? RTE_LEVEL : 0) | (masked ? RTE_MASKED : 0));
}

void ioapic_route_nmi(unsigned int pin)
{
	reg_write(0x11 + 2 * pin, (uint32_t)lapic_id() << 24);
	reg_write(0x10 + 2 * pin, RTE_NMI);
}

void ioapic_mask(unsigned int pin)
{
	reg_write(0x10 + 2 * pin, reg_read(0x10 + 2 * pin) | RTE_MASKED);
}

void ioapic_unmask(unsigned int pin)
{
	storm_opened(pin);
	reg_write(0x10 + 2 * pin, reg_read(0x10 + 2 * pin) & ~RTE_MASKED);
}

uint32_t ioapic_rte(unsigned int pin)
{
	return reg_read(0x10 + 2 * pin);
}
