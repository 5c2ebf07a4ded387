/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MP table, parsed back as Linux's arch/x86/kernel/mpparse.c does: signature, length,
 * checksums, then entries by type. The bytes of the entries are those that booted Linux 6.1 with
 * acpi=off.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cpu/x86.h"
#include "dev/mptable.h"
#include "lib/errno.h"

#define GPA 0xf0000UL

static const struct mp_pci_irq irqs[] = {
	{ .slot = 2, .pin = 0, .ioapic_pin = 10 },
	{ .slot = 5, .pin = 0, .ioapic_pin = 20, .edge = true },
	{ .slot = 31, .pin = 3, .ioapic_pin = 23, .active_low = true },
};

static uint32_t get(const uint8_t *p, unsigned int off, unsigned int size)
{
	uint32_t val = 0;

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

/* A table in a block of exactly the size it needs. */
static uint8_t *build(size_t count, size_t *size)
{
	uint8_t probe[4096], *exact;
	int used = mptable_build(probe, sizeof(probe), GPA, irqs, count);

	assert_true(used > 0);
	*size = used;
	exact = malloc(used);
	memset(exact, 0xa5, used);
	assert_int_equal(mptable_build(exact, used, GPA, irqs, count), used);
	assert_memory_equal(exact, probe, used);
	return exact;
}

static const uint8_t *header_of(const uint8_t *buf, size_t size)
{
	uint32_t at = get(buf, 4, 4);

	assert_memory_equal(buf, "_MP_", 4);
	assert_int_equal(get(buf, 8, 1), 1);
	assert_int_equal(get(buf, 9, 1), 4);
	assert_int_equal(sum(buf, 16), 0);
	assert_int_equal(get(buf, 11, 1), 0); /* a table follows, no default configuration */
	assert_in_range(at, GPA + 16, GPA + size - 44);
	assert_int_equal(at % 16, 0);
	return buf + (at - GPA);
}

static void header_is_right(void **state)
{
	size_t size;
	uint8_t *buf = build(1, &size);
	const uint8_t *h = header_of(buf, size);

	(void)state;
	assert_memory_equal(h, "PCMP", 4);
	assert_int_equal(get(h, 4, 2), buf + size - h);
	assert_int_equal(get(h, 6, 1), 4);
	assert_int_equal(sum(h, get(h, 4, 2)), 0);
	assert_int_equal(get(h, 34, 2), 8);
	assert_int_equal(get(h, 36, 4), 0xfee00000);
	assert_int_equal(get(h, 40, 4), 0); /* no extended table */
	free(buf);
}

static const uint8_t *expect(const uint8_t *p, const void *bytes, size_t len)
{
	assert_memory_equal(p, bytes, len);
	return p + len;
}

static void entries_are_right(void **state)
{
	size_t size;
	uint8_t *buf = build(3, &size);
	const uint8_t *p = header_of(buf, size) + 44;
	struct cpuid_regs r = cpuid(1, 0);

	(void)state;
	p = expect(p, "\x00\x00\x14\x03", 4);
	assert_int_equal(get(p, 0, 4), r.eax & 0xfff);
	assert_int_equal(get(p, 4, 4), r.edx);
	p = expect(p + 8, "\0\0\0\0\0\0\0\0", 8);
	p = expect(p, "\x01\x00PCI   ", 8);
	p = expect(p, "\x01\x01ISA   ", 8);
	p = expect(p, "\x02\x01\x11\x01\x00\x00\xc0\xfe", 8);
	p = expect(p, "\x03\x00\x00\x00\x01\x04\x01\x04", 8);
	p = expect(p, "\x03\x00\x0d\x00\x00\x08\x01\x0a", 8);
	p = expect(p, "\x03\x00\x05\x00\x00\x14\x01\x14", 8);
	p = expect(p, "\x03\x00\x0f\x00\x00\x7f\x01\x17", 8);
	p = expect(p, "\x04\x03\x00\x00\x01\x00\x00\x00", 8);
	p = expect(p, "\x04\x01\x00\x00\x01\x00\xff\x01", 8);
	assert_ptr_equal(p, buf + size);
	free(buf);
}

/*
 * The parser's walk: each entry's length by its type must end exactly at the end, as many as the
 * header says.
 */
static void walk(const uint8_t *h)
{
	static const uint8_t length[] = { 20, 8, 8, 8, 8 };
	unsigned int entries = 0, at = 44;

	while (at < get(h, 4, 2)) {
		assert_in_range(h[at], 0, 4);
		at += length[h[at]];
		entries++;
	}
	assert_int_equal(at, get(h, 4, 2));
	assert_int_equal(entries, get(h, 34, 2));
}

static void parses_back_for_each_count(void **state)
{
	(void)state;
	for (size_t count = 0; count <= ARRAY_SIZE(irqs); count++) {
		size_t size;
		uint8_t *buf = build(count, &size);

		walk(header_of(buf, size));
		free(buf);
	}
}

static void too_small_a_buffer(void **state)
{
	size_t size;
	uint8_t *buf = build(2, &size);

	(void)state;
	for (size_t n = 0; n < size; n++) {
		uint8_t *small = malloc(n + 1);

		memset(small, 0x5a, n + 1);
		assert_int_equal(mptable_build(small, n, GPA, irqs, 2), -ENOSPC);
		for (size_t i = 0; i <= n; i++)
			assert_int_equal(small[i], 0x5a);
		free(small);
	}
	assert_int_equal(mptable_build(buf, size, GPA, irqs, SIZE_MAX / 8), -ENOSPC);
	free(buf);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_right),
		cmocka_unit_test(entries_are_right),
		cmocka_unit_test(parses_back_for_each_count),
		cmocka_unit_test(too_small_a_buffer),
	};

	return cmocka_run_group_tests_name("mptable", tests, NULL, NULL);
}
