/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock: a VM reads the time, and changes nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "cpu/x86.h"
#include "dev/rtc.h"

static uint8_t selected;
static unsigned int data_writes;

uint32_t port_in(uint16_t port, unsigned int size)
{
	assert_int_equal(port, 0x71);
	assert_int_equal(size, 1);
	return 0x80 | selected;
}

void port_out(uint16_t port, unsigned int size, uint32_t val)
{
	assert_int_equal(size, 1);
	if (port != 0x70)
		data_writes++;
	assert_false(val & 0x80); /* the machine's NMI stays on */
	selected = val;
}

static bool shown(unsigned int reg)
{
	return reg <= 0x0d || reg == 0x32;
}

static void reads_the_clock_only(void **state)
{
	struct rtc rtc;

	(void)state;
	rtc_init(&rtc);
	for (unsigned int reg = 0; reg < 256; reg++) {
		rtc_write(&rtc, RTC_INDEX, reg);
		assert_int_equal(rtc_read(&rtc, RTC_DATA),
				 shown(reg & 0x7f) ? 0x80 | (reg & 0x7f) : 0);
	}
	assert_int_equal(rtc_read(&rtc, RTC_INDEX), 0xff);
}

static void writes_nothing(void **state)
{
	struct rtc rtc;

	(void)state;
	rtc_init(&rtc);
	data_writes = 0;
	for (unsigned int reg = 0; reg < 256; reg++) {
		rtc_write(&rtc, RTC_INDEX, reg);
		rtc_write(&rtc, RTC_DATA, 0x55);
		rtc_read(&rtc, RTC_DATA);
	}
	assert_int_equal(data_writes, 0);
}

static void each_vm_has_its_index(void **state)
{
	struct rtc a, b;

	(void)state;
	rtc_init(&a);
	rtc_init(&b);
	rtc_write(&a, RTC_INDEX, 4);
	rtc_write(&b, RTC_INDEX, 9);
	assert_int_equal(rtc_read(&a, RTC_DATA), 0x84);
	assert_int_equal(rtc_read(&b, RTC_DATA), 0x89);
	assert_int_equal(rtc_read(&a, RTC_DATA), 0x84);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_clock_only),
		cmocka_unit_test(writes_nothing),
		cmocka_unit_test(each_vm_has_its_index),
	};

	return cmocka_run_group_tests_name("rtc", tests, NULL, NULL);
}
