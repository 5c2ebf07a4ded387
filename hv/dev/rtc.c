/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The read-only clock. */
#include "dev/rtc.h"

#include "cpu/x86.h"

#define REG_LAST_TIME 0x09
#define REG_STATUS_A  0x0a
#define REG_STATUS_D  0x0d
#define REG_CENTURY   0x32
#define NMI_OFF       0x80 /* of the index port; the hypervisor's own affair */

static bool readable(uint8_t reg)
{
	return reg <= REG_LAST_TIME || (reg >= REG_STATUS_A && reg <= REG_STATUS_D) ||
	       reg == REG_CENTURY;
}

void rtc_init(struct rtc *rtc)
{
	rtc->select = REG_STATUS_D;
}

uint8_t rtc_read(struct rtc *rtc, uint16_t port)
{
	if (port != RTC_DATA)
		return 0xff;
	if (!readable(rtc->select))
		return 0;
	outb(RTC_INDEX, rtc->select);
	return inb(RTC_DATA);
}

void rtc_write(struct rtc *rtc, uint16_t port, uint8_t val)
{
	if (port == RTC_INDEX)
		rtc->select = val & ~NMI_OFF;
}
