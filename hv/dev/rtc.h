/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real-time clock as a VM sees it: the machine's own clock, read-only. Time, alarm, status and
 * century registers are read from the hardware; all other CMOS bytes read 0. Writes select a
 * register, nothing else: no VM can change the time of day or CMOS. Source: Motorola MC146818A
 * datasheet.
 */
#ifndef HV_DEV_RTC_H
#define HV_DEV_RTC_H

#include "lib/types.h"

#define RTC_INDEX 0x70
#define RTC_DATA  0x71

struct rtc {
	uint8_t select; /* each VM has its own */
};

void rtc_init(struct rtc *rtc);
uint8_t rtc_read(struct rtc *rtc, uint16_t port); /* RTC_INDEX is write-only: all ones */
void rtc_write(struct rtc *rtc, uint16_t port, uint8_t val);

#endif
