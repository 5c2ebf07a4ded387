/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/clock.h"
#include "cpu/power.h"
#include "cpu/x86.h"

#define PIT_HZ          1193182u
#define PIT_CHANNEL2    0x42
#define PIT_COMMAND     0x43
#define PIT_CH2_ONESHOT 0xb0 /* channel 2, low then high byte, mode 0 */
#define PORT_B          0x61
#define PORT_B_GATE2    0x01
#define PORT_B_SPEAKER  0x02
#define PORT_B_OUT2     0x20

#define CALIBRATE_MS    10
#define CALIBRATE_TRIES 10
#define PIT_COUNT       (PIT_HZ * CALIBRATE_MS / 1000)
/* Without a PIT the output bit never rises: give up after this many TSC ticks (1 s at 10 GHz). */
#define CALIBRATE_LIMIT 10000000000ull
#define GOOD_ENOUGH     1000 /* an uncertainty of 1/1000 ends the tries */

static uint64_t khz, tsc_start;

/*
 * One measurement: TSC ticks of CALIBRATE_MS, and by how many they may be wrong. ticks 0: no PIT.
 */
struct measurement {
	uint64_t ticks, uncertainty;
};

static struct measurement measure(void)
{
	uint64_t before, start, previous, now;

	before = rdtsc();
	out8(PIT_COMMAND, PIT_CH2_ONESHOT);
	out8(PIT_CHANNEL2, PIT_COUNT & 0xff);
	out8(PIT_CHANNEL2, PIT_COUNT >> 8);
	start = previous = now = rdtsc();
	while (!(in8(PORT_B) & PORT_B_OUT2)) {
		previous = now;
		now = rdtsc();
		if (now - start > CALIBRATE_LIMIT)
			return (struct measurement){ 0, UINT64_MAX };
	}
	now = rdtsc();
	return (struct measurement){ now - start, (start - before) + (now - previous) };
}

/*
 * The emulator may be descheduled anywhere, so one measurement can be wrong by any factor. The
 * one with the smallest uncertainty is taken, which a delay inside shows in.
 */
static uint64_t calibrate(void)
{
	struct measurement best = { 0, UINT64_MAX };
	uint8_t port_b = in8(PORT_B);

	out8(PORT_B, (port_b & ~PORT_B_SPEAKER) | PORT_B_GATE2);
	for (unsigned int i = 0; i < CALIBRATE_TRIES; i++) {
		struct measurement m = measure();

		if (m.uncertainty < best.uncertainty)
			best = m;
		if (!m.ticks || best.uncertainty < best.ticks / GOOD_ENOUGH)
			break;
	}
	out8(PORT_B, port_b);
	return best.ticks;
}

void clock_init(uint64_t tsc_khz)
{
	khz = tsc_khz ? tsc_khz : calibrate() / CALIBRATE_MS;
	if (khz < 1000)
		panic("no TSC rate: tsc_early_khz= missing and no PIT answers");
	tsc_start = rdtsc();
}

uint64_t clock_tsc_khz(void)
{
	return khz;
}

/* 64 bits overflow only after 584 years at 1 MHz resolution: (ticks * 1000) does after 2 months. */
uint64_t clock_us(void)
{
	uint64_t ticks = rdtsc() - tsc_start;

	return ticks / khz * 1000 + ticks % khz * 1000 / khz;
}

uint64_t clock_us_to_tsc(uint64_t us)
{
	return tsc_start + us / 1000 * khz + us % 1000 * khz / 1000;
}
