/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/lapic.h"
#include "cpu/clock.h"
#include "cpu/idt.h"
#include "cpu/paging.h"
#include "cpu/power.h"
#include "cpu/x86.h"

#include <stdbool.h>

#define PIC1_MASK 0x21
#define PIC2_MASK 0xa1

#define MSR_APIC_BASE    0x1b
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC       0x800

#define APIC_BASE_ENABLE (1u << 11)
#define APIC_BASE_X2APIC (1u << 10)
#define APIC_BASE_ADDR   0xffffff000ull

enum apic_reg {
	APIC_ID = 0x20,
	APIC_TPR = 0x80,
	APIC_EOI = 0xb0,
	APIC_SPURIOUS = 0xf0,
	APIC_LVT_TIMER = 0x320,
	APIC_LVT_LINT0 = 0x350,
	APIC_LVT_LINT1 = 0x360,
	APIC_LVT_ERROR = 0x370,
	APIC_TIMER_INITIAL = 0x380,
	APIC_TIMER_CURRENT = 0x390,
	APIC_TIMER_DIVIDE = 0x3e0,
};

#define SPURIOUS_APIC_ENABLE (1u << 8)
#define LVT_MASKED           (1u << 16)
#define LVT_TSC_DEADLINE     (2u << 17)
#define TIMER_DIVIDE_BY_1    0xb

/* KVM's interface, Linux Documentation/virt/kvm/x86/{cpuid,msr}.rst */
#define KVM_CPUID_SIGNATURE 0x40000000u
#define KVM_CPUID_FEATURES  0x40000001u
#define KVM_FEATURE_PV_EOI  (1u << 6)
#define KVM_MSR_PV_EOI      0x4b564d04u
#define PV_EOI_ENABLE       1u

static bool x2apic, tsc_deadline, pv_eoi;
static volatile uint32_t *xapic;
static uint64_t timer_khz; /* of the one-shot counter */

/* Shared with the hypervisor: bit 0 set = the interrupt in service may end without telling it. */
static volatile uint32_t pv_eoi_word __attribute__((aligned(64)));

static uint32_t apic_read(enum apic_reg reg)
{
	return x2apic ? (uint32_t)rdmsr(MSR_X2APIC + reg / 16) : xapic[reg / 4];
}

static void apic_write(enum apic_reg reg, uint32_t value)
{
	if (x2apic)
		wrmsr(MSR_X2APIC + reg / 16, value);
	else
		xapic[reg / 4] = value;
}

/*
 * Test and clear in one instruction: the hypervisor clears the bit again on an exit of this VM,
 * so a separate test could see a permission that is withdrawn before it is used.
 */
static bool pv_eoi_done(void)
{
	bool was_set;

	if (!pv_eoi)
		return false;
	__asm__ volatile("btrl $0, %0" : "+m"(pv_eoi_word), "=@ccc"(was_set) : : "memory");
	return was_set;
}

void lapic_eoi(void)
{
	if (!pv_eoi_done())
		apic_write(APIC_EOI, 0);
}

static void pv_eoi_init(void)
{
	struct cpuid_regs r;

	if (!(cpuid(1).ecx & CPUID_1_ECX_HYPERVISOR))
		return;
	r = cpuid(KVM_CPUID_SIGNATURE);
	if (r.ebx != 0x4b4d564b || r.ecx != 0x564b4d56 || r.edx != 0x4d) /* KVMKVMKVM */
		return;
	if (!(cpuid(KVM_CPUID_FEATURES).eax & KVM_FEATURE_PV_EOI))
		return;
	wrmsr(KVM_MSR_PV_EOI, (uint64_t)&pv_eoi_word | PV_EOI_ENABLE);
	pv_eoi = true;
}

/*
 * How fast the one-shot counter runs: compare it with the TSC for 10 ms. Being descheduled within
 * that time does no harm, only between two adjacent reads: the shortest of several gaps is used.
 */
static void timer_calibrate(void)
{
	uint64_t best_gap = UINT64_MAX, start, before, ticks;

	apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
	start = rdtsc();
	while (rdtsc() - start < clock_tsc_khz() * 10)
		cpu_relax();
	timer_khz = 1;
	for (unsigned int i = 0; i < 10; i++) {
		before = rdtsc();
		ticks = UINT32_MAX - apic_read(APIC_TIMER_CURRENT);
		if (rdtsc() - before >= best_gap)
			continue;
		best_gap = rdtsc() - before;
		timer_khz = ticks * clock_tsc_khz() / (before - start);
	}
	apic_write(APIC_TIMER_INITIAL, 0);
	if (!timer_khz)
		panic("the local APIC's timer does not count");
}

static void timer_init(void)
{
	tsc_deadline = cpuid(1).ecx & CPUID_1_ECX_TSC_DEADLINE;
	if (tsc_deadline) {
		apic_write(APIC_LVT_TIMER, LVT_TSC_DEADLINE | VECTOR_TIMER);
		/*
		 * A deadline written before the mode change arrives would be lost (SDM 3A
		 * 10.5.4.1).
		 */
		__asm__ volatile("mfence" : : : "memory");
	} else {
		apic_write(APIC_TIMER_DIVIDE, TIMER_DIVIDE_BY_1);
		apic_write(APIC_LVT_TIMER, LVT_MASKED);
		timer_calibrate();
		apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
	}
}

/*
 * Firmware may leave a PIC with a request pending at LINT0. Masking LINT0 alone would leave
 * QEMU's CPU with an interrupt that has no vector, taken as #GP at the first STI; so the request
 * is withdrawn first. Where there is no PIC these ports do nothing.
 */
static void pic_quiet(void)
{
	out8(PIC2_MASK, 0xff);
	out8(PIC1_MASK, 0xff);
}

void lapic_init(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	pic_quiet();
	x2apic = cpuid(1).ecx & CPUID_1_ECX_X2APIC;
	wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
	if (x2apic)
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
	else
		xapic = paging_map_device(base & APIC_BASE_ADDR, 0x1000);

	apic_write(APIC_TPR, 0);
	apic_write(APIC_SPURIOUS, SPURIOUS_APIC_ENABLE | VECTOR_SPURIOUS);
	/*
	 * Firmware leaves LINT0 open to the PIC, which would deliver vectors that look like
	 * exceptions.
	 */
	apic_write(APIC_LVT_LINT0, LVT_MASKED);
	apic_write(APIC_LVT_LINT1, LVT_MASKED);
	apic_write(APIC_LVT_ERROR, LVT_MASKED);
	pv_eoi_init();
	timer_init();
}

void lapic_timer_arm(uint64_t tsc)
{
	uint64_t now, ticks;

	if (tsc_deadline) {
		wrmsr(MSR_TSC_DEADLINE, tsc);
		return;
	}
	now = rdtsc();
	ticks = tsc > now ? (tsc - now) * timer_khz / clock_tsc_khz() : 0;
	if (ticks > UINT32_MAX)
		ticks = UINT32_MAX;
	apic_write(APIC_TIMER_INITIAL, ticks ? (uint32_t)ticks : 1); /* 0 would stop it */
}

uint32_t lapic_msi_address(void)
{
	uint32_t id = x2apic ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24;

	return 0xfee00000u | (id & 0xff) << 12;
}

const char *lapic_mode(void)
{
	return x2apic ? (pv_eoi ? "x2apic+pv-eoi" : "x2apic") : (pv_eoi ? "xapic+pv-eoi" : "xapic");
}

const char *lapic_timer_mode(void)
{
	return tsc_deadline ? "tsc-deadline" : "one-shot";
}
