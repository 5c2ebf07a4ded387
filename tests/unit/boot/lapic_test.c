/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hv/cpu/lapic.c: the local APIC as the firmware left it, xAPIC or x2APIC. */
#include "machine.h"

#include "cpu/lapic.h"
#include "cpu/timer.h"
#include "cpu/x86.h"
#include "mem/paging.h"

#define BASE    0xfee00000UL
#define X2APIC  BIT(10)
#define ENABLE  BIT(11)
#define EOI     0xb
#define ICR     0x30
#define CURRENT 0x39

static uint64_t apic_base, msr[64], msrs_used;
static uint32_t registers[1024]; /* the page of an xAPIC */
static uint32_t id;
static uint64_t now;

/* A clock of 1 GHz; the APIC's runs at a quarter. */
uint64_t rdtsc(void)
{
	return now += 100;
}

uint64_t rdmsr(uint32_t m)
{
	if (m == MSR_APIC_BASE)
		return apic_base;
	assert_true(apic_base & X2APIC && m >= 0x800 && m < 0x840);
	msrs_used++;
	if (m == 0x802)
		return id;
	return m == 0x800 + CURRENT ? 0xffffffffU - now / 4 : msr[m - 0x800];
}

void wrmsr(uint32_t m, uint64_t val)
{
	if (m == MSR_APIC_BASE) {
		apic_base = val;
		return;
	}
	assert_true(apic_base & X2APIC && m >= 0x800 && m < 0x840);
	msr[m - 0x800] = val;
}

void *mmio_map(hpa_t hpa, uint64_t len)
{
	assert_int_equal(hpa, BASE);
	assert_int_equal(len, PAGE_SIZE);
	return registers;
}

/* Channel 2 of the PIT is through after 10 ms, as lapic.c sees the time. */
uint8_t inb(uint16_t port)
{
	if (port != 0x61)
		return 0;
	now += 5000000;
	registers[CURRENT * 4] = 0xffffffffU - now / 4;
	return 0x20;
}

void outb(uint16_t port, uint8_t val)
{
	(void)port;
	(void)val;
}

static int begin(void **state)
{
	(void)state;
	memset(msr, 0, sizeof(msr));
	memset(registers, 0, sizeof(registers));
	now = msrs_used = 0;
	id = 3;
	return 0;
}

static void xapic_is_used_by_its_registers(void **state)
{
	(void)state;
	apic_base = BASE; /* not even enabled */
	registers[0x20 / 4] = 5 << 24;
	registers[0xb0 / 4] = 1;
	lapic_init();
	assert_int_equal(apic_base, BASE | ENABLE);
	lapic_eoi();
	assert_int_equal(registers[0xb0 / 4], 0);
	assert_int_equal(lapic_id(), 5);
	assert_int_equal(msrs_used, 0);
}

/* Nothing is read or written in the page of registers, which does not answer in that mode. */
static void x2apic_left_on_is_used_by_its_msrs(void **state)
{
	(void)state;
	apic_base = BASE | X2APIC | ENABLE;
	lapic_init();
	assert_int_equal(apic_base, BASE | X2APIC | ENABLE);
	assert_int_equal(lapic_id(), 3);
	msr[EOI] = 1;
	lapic_eoi();
	assert_int_equal(msr[EOI], 0);
	lapic_nmi_self();
	assert_int_equal(msr[ICR], 3UL << 32 | 0x4400);
	assert_true(tsc_khz > 100000);
	for (unsigned int i = 0; i < ARRAY_SIZE(registers); i++)
		assert_true(i == CURRENT * 4 || registers[i] == 0);
}

/* A pin's target has 8 bits, of which all ones are everybody. */
static void number_beyond_a_pins_reach_is_refused(void **state)
{
	(void)state;
	apic_base = BASE | X2APIC | ENABLE;
	id = 254;
	lapic_init();
	id = 255;
	assert_boot_fails(lapic_init(), "x2APIC on, and this CPU's number there is 255");
	id = 256;
	assert_boot_fails(lapic_init(), "switch x2APIC off in the firmware's settings");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(xapic_is_used_by_its_registers, begin),
		cmocka_unit_test_setup(x2apic_left_on_is_used_by_its_msrs, begin),
		cmocka_unit_test_setup(number_beyond_a_pins_reach_is_refused, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
