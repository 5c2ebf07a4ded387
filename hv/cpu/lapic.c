/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local APIC, its timer, and the calibration of the TSC. */
#include "cpu/lapic.h"

#include "cpu/timer.h"
#include "cpu/trap.h"
#include "cpu/x86.h"
#include "debug/log.h"
#include "mem/paging.h"

#define APIC_BASE_X2APIC BIT(10)
#define APIC_BASE_ENABLE BIT(11)

enum {
	REG_ID = 0x20,
	REG_TPR = 0x80,
	REG_EOI = 0xb0,
	REG_SVR = 0xf0,
	REG_ICR = 0x300,
	REG_ICR_HIGH = 0x310,
	REG_LVT_TIMER = 0x320,
	REG_LVT_LINT0 = 0x350,
	REG_LVT_LINT1 = 0x360,
	REG_TIMER_INIT = 0x380,
	REG_TIMER_CUR = 0x390,
	REG_TIMER_DIV = 0x3e0
};

#define LVT_MASKED 0x10000
#define LVT_NMI    0x400
#define DIVIDE_1   0xb
#define ICR_NMI    0x400
#define ICR_ASSERT 0x4000
#define PIN_IDS    255 /* a pin's target has 8 bits, and all ones are all CPUs */

#define PIT_HZ    1193182
#define SAMPLES   8
#define SAMPLE_MS 10
#define PIT_READS 10000000 /* of its output, about a microsecond each: it will never end */

uint64_t tsc_khz;
static uint64_t timer_khz;
static uint64_t late_ticks, late_left;
static volatile uint32_t *regs; /* NULL in x2APIC mode */

static uint32_t reg_read(unsigned int reg)
{
	return regs ? regs[reg / 4] : (uint32_t)rdmsr(0x800 + reg / 16);
}

static void reg_write(unsigned int reg, uint32_t val)
{
	if (regs)
		regs[reg / 4] = val;
	else
		wrmsr(0x800 + reg / 16, val);
}

/*
 * 8259s: remapped above the exceptions, so that a spurious one is not taken for a fault, then
 * masked.
 */
static void silence_pic(void)
{
	static const uint8_t init[][2] = { { 0x20, 0x11 }, { 0xa0, 0x11 }, { 0x21, 0x20 },
					   { 0xa1, 0x28 }, { 0x21, 0x04 }, { 0xa1, 0x02 },
					   { 0x21, 0x01 }, { 0xa1, 0x01 }, { 0x21, 0xff },
					   { 0xa1, 0xff } };

	for (unsigned int i = 0; i < ARRAY_SIZE(init); i++)
		outb(init[i][0], init[i][1]);
}

/* One gate of PIT channel 2; returns TSC ticks and, by *lapic, timer ticks in SAMPLE_MS. */
static uint64_t pit_sample(uint32_t *lapic)
{
	uint16_t count = PIT_HZ * SAMPLE_MS / 1000;
	unsigned int reads = 0;
	uint64_t t0;
	uint32_t l0;

	outb(0x61, inb(0x61) & ~3);
	outb(0x43, 0xb0);
	reg_write(REG_TIMER_INIT, 0xffffffff);
	outb(0x42, count & 0xff);
	outb(0x42, count >> 8);
	outb(0x61, (inb(0x61) & ~2) | 1);
	t0 = rdtsc();
	l0 = reg_read(REG_TIMER_CUR);
	while (!(inb(0x61) & 0x20))
		if (++reads == PIT_READS)
			boot_fail("the interval timer (8254) does not count: if the firmware can "
				  "stop its clock, have it not do that");
	*lapic = l0 - reg_read(REG_TIMER_CUR);
	return rdtsc() - t0;
}

/* A preempted emulator only makes a sample longer, so the shortest of several is the right one. */
static void calibrate(void)
{
	uint64_t best = ~0UL;
	uint32_t best_lapic = 0;

	for (int i = 0; i < SAMPLES; i++) {
		uint32_t lapic;
		uint64_t tsc = pit_sample(&lapic);

		if (tsc < best) {
			best = tsc;
			best_lapic = lapic;
		}
	}
	reg_write(REG_TIMER_INIT, 0);
	tsc_khz = best / SAMPLE_MS;
	timer_khz = best_lapic / SAMPLE_MS;
	if (tsc_khz < 1000 || timer_khz < 100)
		boot_fail("no usable clock: TSC %lu kHz, APIC timer %lu kHz", tsc_khz, timer_khz);
}

void lapic_init(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	silence_pic();
	regs = base & APIC_BASE_X2APIC ? NULL : mmio_map(base & 0x000ffffffffff000UL, PAGE_SIZE);
	wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
	if (!regs && reg_read(REG_ID) >= PIN_IDS)
		boot_fail(
			"the firmware left x2APIC on, and this CPU's number there is %u: no IOAPIC "
			"pin reaches it; switch x2APIC off in the firmware's settings",
			reg_read(REG_ID));
	reg_write(REG_TPR, 0);
	reg_write(REG_LVT_LINT0, LVT_MASKED);
	reg_write(REG_LVT_LINT1, LVT_NMI);
	reg_write(REG_LVT_TIMER, LVT_MASKED | VEC_TIMER);
	reg_write(REG_TIMER_DIV, DIVIDE_1);
	reg_write(REG_SVR, 0x100 | VEC_SPURIOUS);
	calibrate();
	reg_write(REG_LVT_TIMER, VEC_TIMER);
}

void lapic_eoi(void)
{
	reg_write(REG_EOI, 0);
}

/* By its number: the shorthand "self" is for fixed vectors alone (SDM 3A 10.6.1, table 10-3). */
void lapic_nmi_self(void)
{
	if (regs) {
		reg_write(REG_ICR_HIGH, (uint32_t)lapic_id() << 24);
		reg_write(REG_ICR, ICR_ASSERT | ICR_NMI);
	} else {
		wrmsr(0x800 + REG_ICR / 16, (uint64_t)lapic_id() << 32 | ICR_ASSERT | ICR_NMI);
	}
}

uint8_t lapic_id(void)
{
	return regs ? reg_read(REG_ID) >> 24 : reg_read(REG_ID);
}

void lapic_timer_late(uint64_t tsc_ticks, uint64_t times)
{
	late_ticks = tsc_ticks;
	late_left = times;
}

uint64_t lapic_timer_late_left(void)
{
	return late_left;
}

void lapic_timer_came(void)
{
	if (late_left)
		late_left--;
}

void lapic_timer(uint64_t tsc_ticks)
{
	uint64_t ticks;

	if (!tsc_ticks) {
		reg_write(REG_TIMER_INIT, 0);
		return;
	}
	/* Far deadlines are cut: the run loop arms again when this one fires. */
	ticks = MIN(tsc_ticks, tsc_khz * 1000);
	if (late_left)
		ticks += late_ticks;
	ticks = ticks * timer_khz / tsc_khz + 1;
	reg_write(REG_TIMER_INIT, MIN(ticks, 0x7fffffffUL));
}
