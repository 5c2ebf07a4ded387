/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports, interrupt controllers, memory that is none, PCI configuration. */
#include "hostile.h"

#include "cpu/x86.h"

#define CF8       0xcf8
#define CFC       0xcfc
#define KBD       0x64
#define KBD_RESET 0xfe
#define RESET     0xcf9
#define LAPIC     0xfee00000u
#define IOAPIC    0xfec00000u
#define X2APIC    0x800

void start_at_processor(uint64_t seed);

static uint16_t port_at;

void start_at(uint64_t seed)
{
	port_at = (uint16_t)(seed * 256);
	start_at_processor(seed);
}

/* Not what resets the machine: that would end this life, and it is tried at its end anyway. */
static uint32_t harmless(uint16_t port, uint32_t v)
{
	if (port == RESET || port == CF8)
		return v & ~0x0404u;
	return port == KBD && (uint8_t)v == KBD_RESET ? 0 : v;
}

static void port_access(uint16_t port, unsigned int way, uint32_t value)
{
	uint32_t v = harmless(port, value);

	switch (way % 6) {
	case 0:
		in8(port);
		break;
	case 1:
		in16(port);
		break;
	case 2:
		in32(port);
		break;
	case 3:
		out8(port, (uint8_t)v);
		break;
	case 4:
		out16(port, (uint16_t)v);
		break;
	default:
		out32(port, v);
	}
}

void op_ports(void)
{
	static const uint16_t near[] = { 0x3f8, 0x70, CF8, CFC, 0x61, 0x42, 0xc000, 0x20, 0xf4 };
	uint16_t port = (uint16_t)random_value();

	if (random_below(2))
		port = (uint16_t)(near[random_below(9)] + random_below(8));
	if (random_below(4096) == 0) {
		uint8_t byte = 0;
		const uint8_t *at = &byte;

		__asm__ volatile("outsb" : "+S"(at) : "d"(port) : "memory"); /* ends this life */
	}
	port_access(port, random_below(6), (uint32_t)random_value());
}

/* All widths, in and out, one port after the other; six operations each. */
void op_port_sweep(void)
{
	for (unsigned int way = 0; way < 6; way++)
		port_access(port_at, way, (uint32_t)random_value());
	operations += 5;
	port_at++;
}

static void touch(volatile uint8_t *p, unsigned int way, uint64_t v)
{
	switch (way) {
	case 0:
		__asm__ volatile("movl %1, %0" : "=m"(*(volatile uint32_t *)p) : "r"((uint32_t)v));
		break;
	case 1:
		__asm__ volatile("movl %1, %k0" : "=r"(v) : "m"(*(volatile uint32_t *)p));
		break;
	case 2:
		__asm__ volatile("movw %w1, %0" : "=m"(*(volatile uint16_t *)p) : "r"(v));
		break;
	case 3:
		__asm__ volatile("movb %b1, %0" : "=m"(*p) : "q"(v));
		break;
	case 4:
		__asm__ volatile("movzbl %1, %k0" : "=r"(v) : "m"(*p));
		break;
	case 5:
		__asm__ volatile("movl $0x12345678, %0" : "=m"(*(volatile uint32_t *)p));
		break;
	case 6:
		__asm__ volatile("orl %1, %0" : "+m"(*(volatile uint32_t *)p) : "r"((uint32_t)v));
		break;
	case 7:
		__asm__ volatile("movq %1, %0" : "=m"(*(volatile uint64_t *)p) : "r"(v));
		break;
	case 8:
		__asm__ volatile("lock xaddl %k1, %0" : "+m"(*(volatile uint32_t *)p), "+r"(v));
		break;
	case 9:
		__asm__ volatile("rep stosb" : "+D"(p) : "a"(0), "c"(8) : "memory");
		break;
	case 10:
		__asm__ volatile("pushq (%0); popq %%rax" : : "r"(p) : "rax", "memory");
		break;
	default:
		__asm__ volatile("call *%0" : : "r"(p) : "memory");
	}
}

/* End of interrupt without one, IPIs of every mode to anybody, timers, redirection entries. */
void op_apic(void)
{
	uint32_t off = random_below(8) ? random_below(0x40) * 16 : random_below(4096);

	switch (random_below(4)) {
	case 0:
		touch(physical(LAPIC + off), random_below(6), random_value());
		break;
	case 1:
		touch(physical(IOAPIC), 0, random_below(0x50)); /* index, then its data */
		touch(physical(IOAPIC + 0x10), random_below(2), random_value());
		break;
	case 2:
		wrmsr(X2APIC + random_below(0x40), random_value());
		break;
	default:
		touch(physical(LAPIC + 0xb0), 0, 0);
		__asm__ volatile("sti; nop; nop; cli");
	}
}

/*
 * Addresses where this VM has nothing, and instructions that no device register is touched with:
 * nearly each ends a life, so most are the common instructions on pages of registers.
 */
void op_outside(void)
{
	if (random_below(32))
		touch(physical((random_below(2) ? LAPIC : IOAPIC) + random_below(4096)),
		      random_below(6), random_value());
	else
		touch(physical(random_address()), random_below(12), random_value());
}

void op_pci(void)
{
	uint32_t slot = random_below(2) ? 5 : random_below(32);
	uint32_t addr = 0x80000000u | slot << 11 | random_below(8) * (random_below(8) == 0) << 8 |
			(random_below(64) << 2);

	if (random_below(16) == 0)
		addr = (uint32_t)random_value();
	out32(CF8, addr);
	port_access((uint16_t)(CFC + random_below(4)), random_below(6), (uint32_t)random_value());
}
