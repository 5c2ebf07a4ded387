/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's ACPI tables, followed as a kernel does: from the RSDP by addresses, each signature,
 * length and checksum. What the DSDT's byte code says of interrupts is compared with the VM's
 * wiring.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "dev/acpi.h"
#include "dev/vuart.h"
#include "lib/errno.h"

#define GPA ACPI_GPA

static uint8_t *block; /* of exactly the bytes that are needed: what is outside is caught */
static size_t block_size;

static int build(void **state)
{
	static uint8_t probe[ACPI_SIZE];
	int used = acpi_build(probe, sizeof(probe), GPA);

	(void)state;
	assert_true(used > 0);
	block_size = used;
	block = malloc(used);
	memset(block, 0xa5, used);
	assert_int_equal(acpi_build(block, used, GPA), used);
	assert_memory_equal(block, probe, used);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	free(block);
	return 0;
}

static uint64_t get(const uint8_t *p, unsigned int off, unsigned int size)
{
	uint64_t val = 0;

	memcpy(&val, p + off, size);
	return val;
}

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s += *p++;
	return s;
}

/* A whole table inside the block, with that signature. */
static const uint8_t *table_at(uint64_t gpa, const char *signature)
{
	const uint8_t *t = block + (gpa - GPA);
	uint64_t length;

	assert_in_range(gpa, GPA, GPA + block_size - 36);
	length = get(t, 4, 4);
	assert_in_range(length, 36, block_size - (gpa - GPA));
	assert_memory_equal(t, signature, 4);
	assert_int_equal(sum(t, length), 0);
	return t;
}

static const uint8_t *from_xsdt(unsigned int n, const char *signature)
{
	const uint8_t *xsdt = table_at(get(block, 24, 8), "XSDT");

	assert_int_equal(get(xsdt, 4, 4), 36 + 2 * 8);
	return table_at(get(xsdt, 36 + 8 * n, 8), signature);
}

static void rsdp_is_found_at_the_start(void **state)
{
	(void)state;
	assert_memory_equal(block, "RSD PTR ", 8);
	assert_int_equal(sum(block, 20), 0);
	assert_int_equal(sum(block, 36), 0);
	assert_int_equal(block[15], 2);
}

static void fadt_has_no_fixed_hardware(void **state)
{
	const uint8_t *f = from_xsdt(0, "FACP");

	(void)state;
	assert_true(get(f, 112, 4) & 1 << 20);   /* hardware-reduced */
	assert_int_equal(get(f, 76, 4), 0);      /* no PM timer */
	assert_int_equal(get(f, 109, 2) & 1, 0); /* no legacy devices */
	assert_int_equal(get(f, 40, 4), get(f, 140, 8));
	table_at(get(f, 140, 8), "DSDT");
	assert_int_equal(get(f, 116, 1), 1); /* reset: I/O space */
	assert_int_equal(get(f, 120, 8), 0xcf9);
}

static void madt_has_one_cpu_and_one_ioapic(void **state)
{
	const uint8_t *m = from_xsdt(1, "APIC");
	unsigned int at = 44, cpus = 0, ioapics = 0;

	(void)state;
	assert_int_equal(get(m, 36, 4), 0xfee00000);
	assert_int_equal(get(m, 40, 4), 0); /* no 8259 */
	while (at < get(m, 4, 4)) {
		if (m[at] == 0) {
			assert_int_equal(m[at + 3], 0);
			assert_int_equal(get(m, at + 4, 4), 1);
			cpus++;
		} else if (m[at] == 1) {
			assert_int_equal(get(m, at + 4, 4), 0xfec00000);
			assert_int_equal(get(m, at + 8, 4), 0);
			ioapics++;
		}
		assert_true(m[at + 1] >= 2);
		at += m[at + 1];
	}
	assert_int_equal(at, get(m, 4, 4));
	assert_int_equal(cpus, 1);
	assert_int_equal(ioapics, 1);
}

static bool contains(const uint8_t *t, const uint8_t *bytes, size_t n)
{
	for (size_t i = 36; i + n <= get(t, 4, 4); i++)
		if (memcmp(t + i, bytes, n) == 0)
			return true;
	return false;
}

static void dsdt_names_the_pins(void **state)
{
	/* _PRT entry: slot 5, any function; INTA; no link device; pin 20 (hv/vm/build.c) */
	static const uint8_t card[] = { 0x0c, 0xff, 0xff, 0x05, 0x00, 0x00, 0x00, 0x0a, 20 };
	/* extended interrupt: consumer, edge, active high, exclusive; one number */
	static const uint8_t serial[] = { 0x89, 6, 0, 0x03, 1, VUART_PIN, 0, 0, 0 };
	const uint8_t *dsdt = table_at(get(from_xsdt(0, "FACP"), 140, 8), "DSDT");

	(void)state;
	assert_true(contains(dsdt, card, sizeof(card)));
	assert_true(contains(dsdt, serial, sizeof(serial)));
}

static void too_little_room_changes_nothing(void **state)
{
	uint8_t *small = malloc(block_size - 1);

	(void)state;
	memset(small, 0x5a, block_size - 1);
	assert_int_equal(acpi_build(small, block_size - 1, GPA), -ENOSPC);
	for (size_t i = 0; i < block_size - 1; i++)
		assert_int_equal(small[i], 0x5a);
	free(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rsdp_is_found_at_the_start),
		cmocka_unit_test(fadt_has_no_fixed_hardware),
		cmocka_unit_test(madt_has_one_cpu_and_one_ioapic),
		cmocka_unit_test(dsdt_names_the_pins),
		cmocka_unit_test(too_little_room_changes_nothing),
	};

	return cmocka_run_group_tests_name("acpi", tests, build, drop);
}
