/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI tables as they should be, and each way in which they can be wrong. */
#include "cpu/firmware.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "debug/log.h"
#include "mem/paging.h"

#define LOW     MIB(1) /* the BIOS's part of memory */
#define TABLE   0x7fe0000UL
#define ROOM    0x10000
#define RSDP    0xf5a40
#define XSDT    (TABLE + 0x100)
#define RSDT    (TABLE + 0x200)
#define MADT    (TABLE + 0x300)
#define MCFG    (TABLE + 0xc00)
#define FADT    (TABLE + 0xd00)
#define DSDT    (TABLE + 0xf00)
#define FADT_1  116
#define FADT_5  268
#define VIEWS   1000
#define UNKNOWN 0xff

static uint8_t low[LOW], tables[ROOM];
static void *view[VIEWS];
static unsigned int views, warnings;

/* A copy of just so many bytes: the sanitizer sees each one too many. */
const void *paging_view(hpa_t hpa, uint64_t len)
{
	const uint8_t *from = NULL;

	if (hpa && hpa < LOW && len <= LOW - hpa)
		from = low + hpa;
	else if (hpa >= TABLE && hpa - TABLE < ROOM && len <= ROOM - (hpa - TABLE))
		from = tables + (hpa - TABLE);
	if (!from)
		return NULL;
	assert_in_range(views, 0, VIEWS - 1);
	view[views] = malloc(len);
	return memcpy(view[views++], from, len);
}

void log_info(const char *fmt, ...)
{
	(void)fmt;
}

void log_warn(const char *fmt, ...)
{
	(void)fmt;
	warnings++;
}

/* ---- the tables ---- */

static uint8_t *at(hpa_t hpa)
{
	return hpa < LOW ? low + hpa : tables + (hpa - TABLE);
}

static void put(hpa_t hpa, uint64_t val, unsigned int bytes)
{
	memcpy(at(hpa), &val, bytes);
}

/* The byte at `where` makes the sum of all of them 0. */
static void sum(hpa_t hpa, uint32_t len, hpa_t where)
{
	uint8_t s = 0;

	*at(where) = 0;
	for (uint32_t i = 0; i < len; i++)
		s += at(hpa)[i];
	*at(where) = -s;
}

static void finish(hpa_t hpa)
{
	uint32_t len;

	memcpy(&len, at(hpa) + 4, 4);
	sum(hpa, len, hpa + 9);
}

static void table(hpa_t hpa, const char *signature, uint32_t len)
{
	memset(at(hpa), 0, len);
	memcpy(at(hpa), signature, 4);
	put(hpa + 4, len, 4);
}

static void root(hpa_t hpa, const char *signature, unsigned int entry)
{
	static const hpa_t all[] = { FADT, MADT, MCFG };

	table(hpa, signature, 36 + ARRAY_SIZE(all) * entry);
	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++)
		put(hpa + 36 + i * entry, all[i], entry);
	finish(hpa);
}

static void rsdp(hpa_t hpa, unsigned int revision)
{
	memcpy(at(hpa), "RSD PTR ", 8);
	put(hpa + 15, revision, 1);
	put(hpa + 16, RSDT, 4);
	sum(hpa, 20, hpa + 8);
	if (!revision)
		return;
	put(hpa + 20, 36, 4);
	put(hpa + 24, XSDT, 8);
	sum(hpa, 36, hpa + 32);
}

/* Two CPUs, one switched off, an x2APIC, two IOAPICs. */
static void madt(void)
{
	static const uint8_t entries[] = {
		0, 8,    0,    3,    1,  0, 0,    0,          /* APIC 3 */
		0, 8,    1,    4,    0,  0, 0,    0,          /* 4, off */
		2, 10,   0,    0,    2,  0, 0,    0,    0, 0, /* an override: skipped */
		1, 12,   0,    0,    0,  0, 0xc0, 0xfe, 0, 0,  0, 0, 1,    12,   1, 0,
		0, 0x10, 0xc0, 0xfe, 24, 0, 0,    0,    9, 16, 0, 0, 0x34, 0x12, 0, 0,
		1, 0,    0,    0,    0,  0, 0,    0,    0, 8,  2, 3, 1,    0,    0, 0, /* 3 again */
	};

	table(MADT, "APIC", 44 + sizeof(entries));
	memcpy(at(MADT) + 44, entries, sizeof(entries));
	finish(MADT);
}

static void mcfg(void)
{
	table(MCFG, "MCFG", 44 + 3 * 16);
	put(MCFG + 44, 0xa0000000, 8);
	put(MCFG + 44 + 8, 1, 2); /* another segment */
	put(MCFG + 60, 0xc0000000, 8);
	put(MCFG + 60 + 10, 8, 1); /* from 8 to 0: no bus */
	put(MCFG + 76, 0xb0000000, 8);
	put(MCFG + 76 + 11, 0xff, 1);
	finish(MCFG);
}

static void fadt(uint32_t len)
{
	table(FADT, "FACP", len);
	put(FADT + 40, DSDT, 4);
	put(FADT + 48, 0xb2, 4);
	put(FADT + 52, 0xf1, 1);
	put(FADT + 64, 0x604, 4);
	if (len > FADT_1) {
		put(FADT + 112, BIT(10), 4);
		put(FADT + 116, 0x801, 2); /* a port, 8 bits */
		put(FADT + 120, 0xcf9, 8);
		put(FADT + 128, 0x0f, 1);
	}
	finish(FADT);
}

static void dsdt(const uint8_t *aml, uint32_t len)
{
	table(DSDT, "DSDT", 36 + len);
	memcpy(at(DSDT) + 36, aml, len);
	finish(DSDT);
}

#define AML(...)                                                     \
	do {                                                         \
		static const uint8_t aml_[] = { 0, 0, __VA_ARGS__ }; \
		dsdt(aml_, sizeof(aml_));                            \
	} while (0)

static void forget(void)
{
	while (views)
		free(view[--views]);
	firmware = (struct firmware){ .reset.space = SPACE_NONE };
	warnings = 0;
}

static int begin(void **state)
{
	(void)state;
	memset(low, 0, sizeof(low));
	memset(tables, 0, sizeof(tables));
	rsdp(RSDP, 2);
	root(XSDT, "XSDT", 8);
	root(RSDT, "RSDT", 4);
	madt();
	mcfg();
	fadt(FADT_5);
	AML(0x08, '_', 'S', '5', '_', 0x12, 7, 4, 0x0a, 5, 0x0a, 6, 0, 0);
	forget();
	return 0;
}

static int end(void **state)
{
	(void)state;
	forget();
	return 0;
}

static void read_again(void)
{
	forget();
	firmware_read(NULL, 0);
	firmware_print();
}

/* ---- right ones ---- */

static void expect_all(void)
{
	assert_true(firmware.acpi);
	assert_int_equal(firmware.cpus, 2);
	assert_int_equal(firmware.cpu[0], 3);
	assert_int_equal(firmware.cpu[1], 0x1234);
	assert_int_equal(firmware.ioapics, 2);
	assert_int_equal(firmware.ioapic[0].hpa, 0xfec00000);
	assert_int_equal(firmware.ioapic[1].hpa, 0xfec01000);
	assert_int_equal(firmware.ioapic[1].first_pin, 24);
	assert_int_equal(firmware.pcie, 0xb0000000);
	assert_int_equal(firmware.last_bus, 0xff);
	assert_int_equal(firmware.pm1a_control, 0x604);
	assert_int_equal(firmware.pm1b_control, 0);
	assert_int_equal(firmware.smi_command, 0xb2);
	assert_int_equal(firmware.acpi_enable, 0xf1);
	assert_true(firmware.has_s5);
	assert_int_equal(firmware.s5_type[0], 5);
	assert_int_equal(firmware.s5_type[1], 6);
	assert_int_equal(firmware.reset.space, SPACE_IO);
	assert_int_equal(firmware.reset.address, 0xcf9);
	assert_int_equal(firmware.reset_value, 0x0f);
	assert_int_equal(warnings, 0);
}

static void test_all_of_them(void **state)
{
	(void)state;
	read_again();
	expect_all();
}

/* Revision 0 of the BIOS's data area, the loader's word, and ACPI 1.0's tables. */
static void test_where_they_may_be(void **state)
{
	(void)state;
	memset(at(XSDT), 0, 36);
	memset(at(RSDP), 0, 36);
	rsdp(0xffff0 - 16, 0); /* the last one that fits */
	read_again();
	expect_all();
	memset(at(0xffff0 - 16), 0, 20);
	read_again();
	assert_false(firmware.acpi);
	put(0x40e, 0x9fc0, 2);
	rsdp(0x9fc00 + 1008 - 16, 0);
	read_again();
	expect_all();
	memset(at(0x9fc00), 0, 1024);
	rsdp(TABLE, 0);
	forget();
	firmware_read(at(TABLE), 20);
	expect_all();
	fadt(FADT_1);
	forget();
	firmware_read(at(TABLE), 20);
	assert_int_equal(firmware.pm1a_control, 0x604);
	assert_true(firmware.has_s5);
	assert_int_equal(firmware.reset.space, SPACE_NONE);
}

static void test_extended_fields(void **state)
{
	(void)state;
	put(FADT + 140, DSDT, 8);
	put(FADT + 40, 0x1234, 4);
	put(FADT + 172, 0x2001, 2);
	put(FADT + 176, 0x804, 8);
	put(FADT + 184, 0x2001, 2);
	put(FADT + 188, 0x808, 8);
	finish(FADT);
	read_again();
	assert_int_equal(firmware.pm1a_control, 0x804);
	assert_int_equal(firmware.pm1b_control, 0x808);
	assert_true(firmware.has_s5);
	put(FADT + 172, 0x2000, 2); /* in memory: the port is another */
	finish(FADT);
	read_again();
	assert_int_equal(firmware.pm1a_control, 0x604);
	put(FADT + 112, BIT(20), 4); /* hardware-reduced: it has no such ports */
	finish(FADT);
	read_again();
	assert_int_equal(firmware.pm1a_control, 0);
	assert_false(firmware.has_s5);
	assert_int_equal(warnings, 0);
}

/* ---- wrong ones ---- */

static void test_rsdp(void **state)
{
	(void)state;
	at(RSDP)[8]++;
	read_again();
	assert_false(firmware.acpi);
	assert_int_equal(warnings, 1);
	rsdp(RSDP, 2);
	at(RSDP)[32]++; /* the second checksum: the RSDT is left */
	memset(at(XSDT), 0, 36);
	read_again();
	expect_all();
	rsdp(RSDP, 2);
	put(RSDP + 20, 1000000, 4); /* its length */
	sum(RSDP, 20, RSDP + 8);
	read_again();
	expect_all();
	forget();
	rsdp(TABLE, 2);
	firmware_read(at(TABLE), 19); /* not all of it is there */
	assert_false(firmware.acpi);
	forget();
	firmware_read(at(TABLE + 0x8000), 36); /* nothing is there */
	assert_false(firmware.acpi);
}

static void test_root(void **state)
{
	(void)state;
	at(XSDT)[9]++;
	read_again();
	assert_true(firmware.acpi); /* by the RSDT */
	assert_int_equal(firmware.cpus, 2);
	assert_int_equal(warnings, 1);
	put(RSDT + 4, 35, 4);
	read_again();
	assert_false(firmware.acpi);
	put(RSDT + 4, 0xffffffff, 4);
	read_again();
	assert_false(firmware.acpi);
	table(RSDT, "RSDT", 36);
	finish(RSDT);
	read_again();
	assert_true(firmware.acpi); /* but no table */
	assert_int_equal(firmware.cpus + firmware.ioapics + firmware.has_s5, 0);
	table(RSDT, "RSDT", 36 + 4 + 3); /* a part of an entry is none */
	put(RSDT + 36, 0x1000, 4);       /* nor is what leads nowhere */
	finish(RSDT);
	read_again();
	assert_true(firmware.acpi);
	assert_int_equal(firmware.cpus, 0);
	put(RSDP + 24, TABLE + ROOM - 20, 8); /* an XSDT that is cut off */
	sum(RSDP, 36, RSDP + 32);
	sum(RSDP, 20, RSDP + 8);
	read_again();
	assert_true(firmware.acpi);
}

/* A bad one counts as not there, and the others are read. */
static void test_checksums_and_lengths(void **state)
{
	static const hpa_t each[] = { MADT, MCFG, FADT, DSDT };
	static const uint32_t lengths[] = { 0, 35, ROOM, MIB(4) + 1, 0xffffffff };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(each); i++)
		for (unsigned int k = 0; k <= ARRAY_SIZE(lengths); k++) {
			begin(NULL);
			if (k < ARRAY_SIZE(lengths))
				put(each[i] + 4, lengths[k], 4);
			else
				at(each[i])[9]++;
			read_again();
			assert_int_equal(warnings, 1);
			assert_int_equal(firmware.cpus, i == 0 ? 0 : 2);
			assert_int_equal(firmware.pcie != 0, i != 1);
			assert_int_equal(firmware.pm1a_control != 0, i != 2);
			assert_int_equal(firmware.has_s5, i < 2);
		}
}

static void test_madt_entries(void **state)
{
	(void)state;
	for (unsigned int len = 0; len < 2; len++) {
		madt();
		put(MADT + 44 + 8 + 1, len, 1); /* would never end */
		finish(MADT);
		read_again();
		assert_int_equal(firmware.cpus, 1);
		assert_int_equal(warnings, 1);
	}
	madt();
	put(MADT + 4, 44 + 8 + 5, 4); /* the second one is cut off */
	finish(MADT);
	read_again();
	assert_int_equal(firmware.cpus, 1);
	assert_int_equal(warnings, 1);
	table(MADT, "APIC", 44 + 3 * 4);
	for (unsigned int i = 0; i < 3; i++) /* too short for what they say they are */
		put(MADT + 44 + 4 * i, (i == 2 ? 9 : i) | 4 << 8 | 0xffff0000, 4);
	finish(MADT);
	read_again();
	assert_int_equal(firmware.cpus + firmware.ioapics + warnings, 0);
	table(MADT, "APIC", 40); /* without room for entries */
	finish(MADT);
	read_again();
	assert_int_equal(firmware.cpus + warnings, 0);
}

static void test_more_than_there_is_room_for(void **state)
{
	(void)state;
	table(MADT, "APIC", 44 + 8);
	put(XSDT + 36 + 8, TABLE + 0x2000, 8);
	finish(XSDT);
	table(TABLE + 0x2000, "APIC", 44 + (FIRMWARE_CPUS + 4) * 16 + 20 * 12);
	for (unsigned int i = 0; i < FIRMWARE_CPUS + 4; i++) {
		hpa_t e = TABLE + 0x2000 + 44 + i * 16;

		put(e, 9 | 16 << 8, 4);
		put(e + 4, 1000 + i, 4);
		put(e + 8, 1, 4);
	}
	for (unsigned int i = 0; i < 20; i++) {
		hpa_t e = TABLE + 0x2000 + 44 + (FIRMWARE_CPUS + 4) * 16 + i * 12;

		put(e, 1 | 12 << 8, 4);
		put(e + 4, i < 2 ? i : 0xfec00000, 4); /* the first two are no addresses */
	}
	finish(TABLE + 0x2000);
	read_again();
	assert_int_equal(firmware.cpus, FIRMWARE_CPUS);
	assert_int_equal(firmware.ioapics, FIRMWARE_IOAPICS);
	assert_int_equal(warnings, 4 + 2 + 20 - 2 - FIRMWARE_IOAPICS);
}

static void test_fadt(void **state)
{
	static const uint64_t registers[][2] = {
		{ 0x803, 0xcf9 },   /* a space that is none of three */
		{ 0x1001, 0xcf9 },  /* 16 bits */
		{ 0x10801, 0xcf9 }, /* not at bit 0 */
		{ 0x801, 0x10000 }, /* no port */
		{ 0x800, TIB(4) },  /* no address */
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(registers); i++) {
		put(FADT + 116, registers[i][0], 4);
		put(FADT + 120, registers[i][1], 8);
		finish(FADT);
		read_again();
		assert_int_equal(firmware.reset.space, SPACE_NONE);
		assert_int_equal(warnings, 1);
	}
	put(FADT + 120, 0, 8);
	finish(FADT);
	read_again();
	assert_int_equal(firmware.reset.space, SPACE_NONE);
	fadt(FADT_1 - 1);
	read_again();
	assert_int_equal(warnings, 1);
	assert_int_equal(firmware.pm1a_control, 0);
	fadt(FADT_5);
	put(FADT + 112, 0, 4); /* the register is not supported */
	put(FADT + 48, 0x10000, 4);
	put(FADT + 64, 0x10000, 4);
	finish(FADT);
	read_again();
	assert_int_equal(firmware.reset.space, SPACE_NONE);
	assert_int_equal(firmware.pm1a_control + firmware.smi_command + firmware.has_s5, 0);
}

/* What AML of one package says, and UNKNOWN. */
static uint8_t s5(void)
{
	read_again();
	return firmware.has_s5 ? firmware.s5_type[0] << 4 | firmware.s5_type[1] : UNKNOWN;
}

static void test_s5_package(void **state)
{
	(void)state;
	AML(0x08, '_', 'S', '5', '_', 0x12, 6, 4, 0, 0, 0, 0); /* QEMU's */
	assert_int_equal(s5(), 0);
	AML(0x08, '\\', '_', 'S', '5', '_', 0x12, 7, 4, 0x0a, 7, 1, 0, 0);
	assert_int_equal(s5(), 0x71);
	AML(0x08, '_', 'S', '5', '_', 0x12, 0x47, 0, 2, 1, 0x0a, 2); /* PkgLength of two bytes */
	assert_int_equal(s5(), 0x12);
	AML(0x08, '_', 'S', '5', '_', 0x12, 0xc9, 0, 0, 0, 2, 0x0a, 3, 0x0a, 4); /* of four */
	assert_int_equal(s5(), 0x34);
	AML(0x08, '_', 'S', '5', '_', 0x12, 4, 1, 0x0a, 5); /* one element */
	assert_int_equal(s5(), 0x55);
	AML('_', 'S', '5', '_', 0, 0x08, '_', 'S', '5', '_', 0x12, 6, 2, 0x0a, 5,
	    0); /* the second */
	assert_int_equal(s5(), 0x50);
}

static void test_s5_that_is_none(void **state)
{
	(void)state;
	AML('_', 'S', '5', '_', 0x12, 6, 4, 0, 0, 0, 0); /* no NameOp */
	assert_int_equal(s5(), UNKNOWN);
	assert_int_equal(warnings, 1);
	AML('\\', '_', 'S', '5', '_', 0x12, 6, 4, 0, 0, 0, 0);
	assert_int_equal(s5(), UNKNOWN);
	AML(0x08, '_', 'S', '5', '_', 0x0a, 6, 4, 0, 0, 0, 0); /* no package */
	assert_int_equal(s5(), UNKNOWN);
	AML(0x08, '_', 'S', '5', '_', 0x12, 6, 0, 0, 0); /* empty */
	assert_int_equal(s5(), UNKNOWN);
	AML(0x08, '_', 'S', '5', '_', 0x12, 6, 4, 0x0b, 5, 0, 0); /* a word */
	assert_int_equal(s5(), UNKNOWN);
	AML(0x08, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 8, 0, 0); /* more than three bits */
	assert_int_equal(s5(), UNKNOWN);
	AML(0x08, '_', 'S', '5', '_', 0x12, 6, 4, 1, 0x0a, 8, 0);
	assert_int_equal(s5(), UNKNOWN);
	AML('_', 'S', '5');
	assert_int_equal(s5(), UNKNOWN);
}

/* At each byte the table may end; then it is not found, or whole. */
static void test_s5_cut_off(void **state)
{
	static const uint8_t aml[] = { 0, 0, 0x08, '_', 'S',  '5', '_',  0x12, 0xc9,
				       0, 0, 0,    2,   0x0a, 3,   0x0a, 4 };

	(void)state;
	for (uint32_t len = 0; len <= sizeof(aml); len++) {
		uint8_t is;

		dsdt(aml, len);
		is = s5();
		assert_int_equal(is, len == sizeof(aml) ? 0x34 : len >= 15 ? 0x33 : UNKNOWN);
	}
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_all_of_them),
		CASE(test_where_they_may_be),
		CASE(test_extended_fields),
		CASE(test_rsdp),
		CASE(test_root),
		CASE(test_checksums_and_lengths),
		CASE(test_madt_entries),
		CASE(test_more_than_there_is_room_for),
		CASE(test_fadt),
		CASE(test_s5_package),
		CASE(test_s5_that_is_none),
		CASE(test_s5_cut_off),
	};

	return cmocka_run_group_tests_name("firmware", tests, NULL, NULL);
}
