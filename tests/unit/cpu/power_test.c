/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is written where, and in which order, until a machine goes off or starts anew. Each way may
 * be the one that works: then nothing comes behind it.
 */
#include "cpu/power.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/firmware.h"
#include "cpu/pci.h"
#include "cpu/x86.h"
#include "mem/paging.h"

#define PM1A   0x604
#define PM1B   0x608
#define SMI    0xb2
#define SCI_EN 1
#define SLEEP  0x2000

struct firmware firmware;

static uint8_t page[PAGE_SIZE];
static char text[1000]; /* the writes, but those to port 0x80 */
static unsigned int delays, keyboard_busy, smi_to_sci, maps;
static uint16_t pm1[2];
static const char *works; /* the write that ends it */
static jmp_buf over;

static void note(const char *what, uint64_t where, uint64_t val)
{
	size_t n = strlen(text);

	snprintf(text + n, sizeof(text) - n, "%s%lx=%lx ", what, where, val);
	if (works && strcmp(text + n, works) == 0)
		longjmp(over, 1);
}

void outb(uint16_t port, uint8_t val)
{
	if (port == 0x80) {
		delays++;
		if (smi_to_sci && --smi_to_sci == 0)
			pm1[0] |= SCI_EN;
		return;
	}
	note("", port, val);
	if (port == SMI && val == 0xf1)
		smi_to_sci = 1500;
}

uint8_t inb(uint16_t port)
{
	assert_int_equal(port, 0x64);
	return keyboard_busy && keyboard_busy-- ? 0x02 : 0;
}

void outw(uint16_t port, uint16_t val)
{
	assert_true(port == PM1A || port == PM1B);
	pm1[port == PM1B] = val;
	note("", port, val);
}

uint16_t inw(uint16_t port)
{
	assert_true(port == PM1A || port == PM1B);
	return pm1[port == PM1B];
}

void pci_cfg_write(struct pci_addr addr, unsigned int off, unsigned int size, uint32_t val)
{
	assert_int_equal(addr.bus, 0);
	assert_int_equal(size, 1);
	note("pci", addr.dev << 16 | addr.fn << 8 | off, val);
}

void *mmio_map(hpa_t hpa, uint64_t len)
{
	assert_int_equal(hpa, 0xfed40000);
	assert_int_equal(len, PAGE_SIZE);
	maps++;
	return page;
}

void triple_fault(void)
{
	note("triple", 0, 0);
	longjmp(over, 1);
}

static int begin(void **state)
{
	(void)state;
	firmware = (struct firmware){
		.reset.space = SPACE_NONE, .pm1a_control = PM1A, .has_s5 = true, .s5_type = { 5, 6 }
	};
	memset(page, 0, sizeof(page));
	text[0] = 0;
	delays = keyboard_busy = smi_to_sci = 0;
	pm1[0] = pm1[1] = SCI_EN | 7 << 10 | 0x200;
	works = NULL;
	return 0;
}

static void resets_by(const char *writes)
{
	text[0] = 0;
	delays = 0;
	if (!setjmp(over))
		power_reset();
	assert_string_equal(text, writes);
}

#define OLD_WAYS "cf9=2 cf9=6 64=fe triple0=0 "

static void test_off(void **state)
{
	(void)state;
	power_off();
	assert_string_equal(text, "604=1601 604=3601 "); /* the other bits stay */
	assert_int_equal(delays, 1000000);               /* then it is not to be had */
}

static void test_off_with_two_ports(void **state)
{
	(void)state;
	firmware.pm1b_control = PM1B;
	power_off();
	assert_string_equal(text, "604=1601 604=3601 608=1a01 608=3a01 ");
}

/* The firmware has the ports until it is told otherwise, and takes its time. */
static void test_off_switches_acpi_on(void **state)
{
	(void)state;
	firmware.smi_command = SMI;
	firmware.acpi_enable = 0xf1;
	power_off();
	assert_string_equal(text, "604=1601 604=3601 "); /* it is on */
	text[0] = 0;
	pm1[0] = 0;
	delays = 0;
	power_off();
	assert_string_equal(text, "b2=f1 604=1401 604=3401 ");
	assert_int_equal(delays, 2000 + 1000000);
	text[0] = 0;
	pm1[0] = 0;
	firmware.acpi_enable = 0xf2; /* it never is: after three seconds it is tried all the same */
	delays = 0;
	power_off();
	assert_string_equal(text, "b2=f2 604=1400 604=3400 ");
	assert_int_equal(delays, 4000000);
}

static void test_off_without_s5(void **state)
{
	(void)state;
	firmware.has_s5 = false;
	power_off();
	assert_string_equal(text, "");
}

static void test_each_way_of_reset(void **state)
{
	(void)state;
	resets_by(OLD_WAYS);
	works = "cf9=6 ";
	resets_by("cf9=2 cf9=6 ");
	works = "64=fe ";
	resets_by("cf9=2 cf9=6 64=fe ");
	works = NULL;
	firmware.reset = (struct firmware_register){ SPACE_IO, 0xb2 };
	firmware.reset_value = 0x73;
	resets_by("b2=73 " OLD_WAYS);
	works = "b2=73 ";
	resets_by("b2=73 ");
}

static void test_reset_register_in_pci(void **state)
{
	(void)state;
	firmware.reset = (struct firmware_register){ SPACE_PCI, 0x1fUL << 32 | 2 << 16 | 0x44 };
	firmware.reset_value = 6;
	power_init();
	resets_by("pci1f0244=6 " OLD_WAYS);
}

/* It is mapped at boot, not by a panic. */
static void test_reset_register_in_memory(void **state)
{
	(void)state;
	firmware.reset = (struct firmware_register){ SPACE_MEMORY, 0xfed40123 };
	firmware.reset_value = 0x42;
	power_init();
	assert_int_equal(maps, 1);
	resets_by(OLD_WAYS);
	assert_int_equal(maps, 1);
	assert_int_equal(page[0x123], 0x42);
}

/* A keyboard controller that is never ready is written to at last. */
static void test_busy_keyboard(void **state)
{
	(void)state;
	keyboard_busy = 10;
	resets_by(OLD_WAYS);
	assert_int_equal(keyboard_busy, 0);
	keyboard_busy = ~0U;
	resets_by(OLD_WAYS);
	assert_in_range(delays, 200000, 210000);
}

#define CASE(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_off),
		CASE(test_off_with_two_ports),
		CASE(test_off_switches_acpi_on),
		CASE(test_off_without_s5),
		CASE(test_each_way_of_reset),
		CASE(test_reset_register_in_pci),
		CASE(test_busy_keyboard),
		CASE(test_reset_register_in_memory), /* stays mapped */
	};

	return cmocka_run_group_tests_name("power", tests, NULL, NULL);
}
