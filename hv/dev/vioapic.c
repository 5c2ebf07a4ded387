/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual IOAPIC. */
#include "dev/vioapic.h"

#include "cpu/ioapic.h"
#include "debug/log.h"
#include "lib/string.h"
#include "vm/vm.h"

#define OFF_SELECT 0x00
#define OFF_WINDOW 0x10

#define REG_ID      0x00
#define REG_VERSION 0x01
#define REG_ARB     0x02
#define REG_RTE     0x10
#define VERSION     (0x11 | (VIOAPIC_PINS - 1) << 16)
#define ID_MASK     0x0f000000

#define RTE_VECTOR(rte) ((rte)&0xff)
#define RTE_MODE(rte)   ((rte) >> 8 & 7)
#define RTE_STATUS      BIT(12)
#define RTE_ACTIVE_LOW  BIT(13)
#define RTE_REMOTE_IRR  BIT(14)
#define RTE_LEVEL       BIT(15)
#define RTE_MASKED      BIT(16)
#define RTE_READ_ONLY   (RTE_STATUS | RTE_REMOTE_IRR)
#define RTE_VALID       0xff0000000001ffffUL
#define MODE_LOWEST     1

static bool is_level(const struct vioapic_pin *p)
{
	return p->rte & RTE_LEVEL;
}

static bool deliver(struct vioapic *ioapic, struct vioapic_pin *p)
{
	if (RTE_MODE(p->rte) > MODE_LOWEST)
		return false;
	if (!vlapic_raise(&ioapic->vm->lapic, RTE_VECTOR(p->rte), is_level(p)))
		return false;
	p->count++;
	return true;
}

/* A level pin delivers once per EOI while its input is high. */
static void service_level(struct vioapic *ioapic, struct vioapic_pin *p)
{
	if (!is_level(p) || !p->line || p->rte & (RTE_MASKED | RTE_REMOTE_IRR))
		return;
	if (deliver(ioapic, p))
		p->rte |= RTE_REMOTE_IRR;
}

/* The hardware pin is open unless the VM masks it or has a level interrupt of it still to end. */
static void mirror(const struct vioapic_pin *p)
{
	if (p->phys >= 0)
		ioapic_route(p->phys, is_level(p), p->rte & RTE_ACTIVE_LOW,
			     p->rte & RTE_MASKED || p->line);
}

static void rte_write(struct vioapic *ioapic, struct vioapic_pin *p, uint64_t rte)
{
	p->rte = (p->rte & RTE_READ_ONLY) | (rte & RTE_VALID & ~RTE_READ_ONLY);
	/* Linux ends a stuck level interrupt so: edge and back (clear_IO_APIC_pin()). */
	if (!is_level(p))
		p->rte &= ~RTE_REMOTE_IRR;
	/*
	 * What fired but was not delivered: when the pin opens the physical line says whether it
	 * still holds.
	 */
	if (p->phys >= 0 && !(p->rte & RTE_REMOTE_IRR))
		p->line = false;
	mirror(p);
	service_level(ioapic, p);
}

void vioapic_init(struct vioapic *ioapic, struct vm *vm)
{
	memset(ioapic, 0, sizeof(*ioapic));
	ioapic->vm = vm;
	ioapic->id = VIOAPIC_ID << 24;
	for (unsigned int i = 0; i < VIOAPIC_PINS; i++) {
		ioapic->pin[i].rte = RTE_MASKED;
		ioapic->pin[i].phys = -1;
	}
}

static struct vioapic_pin *selected_pin(struct vioapic *ioapic)
{
	unsigned int i = (ioapic->select - REG_RTE) / 2;

	return ioapic->select >= REG_RTE && i < VIOAPIC_PINS ? &ioapic->pin[i] : NULL;
}

uint32_t vioapic_mmio_read(struct vioapic *ioapic, uint32_t off)
{
	const struct vioapic_pin *p = selected_pin(ioapic);

	if (off == OFF_SELECT)
		return ioapic->select;
	if (off != OFF_WINDOW)
		return 0;
	if (p)
		return p->rte >> (ioapic->select & 1 ? 32 : 0);
	switch (ioapic->select) {
	case REG_ID:
	case REG_ARB:
		return ioapic->id;
	case REG_VERSION:
		return VERSION;
	default:
		return 0;
	}
}

void vioapic_mmio_write(struct vioapic *ioapic, uint32_t off, uint32_t val)
{
	struct vioapic_pin *p = selected_pin(ioapic);

	if (off == OFF_SELECT)
		ioapic->select = val & 0xff;
	if (off != OFF_WINDOW)
		return;
	if (p && ioapic->select & 1)
		rte_write(ioapic, p, (uint32_t)p->rte | (uint64_t)val << 32);
	else if (p)
		rte_write(ioapic, p, (p->rte & ~0xffffffffUL) | val);
	else if (ioapic->select == REG_ID)
		ioapic->id = val & ID_MASK;
}

void vioapic_set_line(struct vioapic *ioapic, unsigned int pin, bool level)
{
	struct vioapic_pin *p;
	bool rising;

	if (pin >= VIOAPIC_PINS)
		return;
	p = &ioapic->pin[pin];
	rising = level && !p->line;
	p->line = level;
	if (is_level(p))
		service_level(ioapic, p);
	else if (rising && !(p->rte & RTE_MASKED))
		deliver(ioapic, p);
}

void vioapic_eoi(struct vioapic *ioapic, unsigned int vector)
{
	for (unsigned int i = 0; i < VIOAPIC_PINS; i++) {
		struct vioapic_pin *p = &ioapic->pin[i];

		if (!(p->rte & RTE_REMOTE_IRR) || RTE_VECTOR(p->rte) != vector)
			continue;
		p->rte &= ~RTE_REMOTE_IRR;
		if (p->phys < 0) {
			service_level(ioapic, p);
			continue;
		}
		p->line = false;
		if (!(p->rte & RTE_MASKED))
			ioapic_unmask(p->phys);
	}
}

void vioapic_rescan(struct vioapic *ioapic)
{
	for (unsigned int i = 0; i < VIOAPIC_PINS; i++)
		service_level(ioapic, &ioapic->pin[i]);
}

void vioapic_map(struct vioapic *ioapic, unsigned int pin, unsigned int phys)
{
	BUG_ON(pin >= VIOAPIC_PINS || phys >= ioapic_pins());
	ioapic->pin[pin].phys = phys;
	mirror(&ioapic->pin[pin]);
}

void vioapic_phys_irq(struct vioapic *ioapic, unsigned int pin)
{
	struct vioapic_pin *p = &ioapic->pin[pin];

	if (is_level(p)) {
		p->line = true;
		service_level(ioapic, p);
	} else if (!(p->rte & RTE_MASKED)) {
		deliver(ioapic, p);
	}
}

void vioapic_reopen(struct vioapic *ioapic, unsigned int pin)
{
	BUG_ON(pin >= VIOAPIC_PINS);
	mirror(&ioapic->pin[pin]);
}
