/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions that exit: MSRs, CPUID, hypercalls, control registers, SVM's own. */
#include "hostile.h"

#include "cpu/x86.h"
#include "lib/print.h"

#define UD_SEEN       (6 + 1)
#define HC_FIRST      0x43410001u
#define CR4_SMEP_SMAP (3u << 20)

static const struct {
	uint32_t first, count;
} msr_ranges[] = {
	{ 0, 0x2000 },         { 0xc0000000, 0x2000 }, { 0xc0010000, 0x2000 },
	{ 0x40000000, 0x200 }, { 0x4b564d00, 0x100 },
};
static uint64_t msr_at, leaf_at;

void start_at_processor(uint64_t seed);

void start_at_processor(uint64_t seed)
{
	msr_at = leaf_at = seed * 512;
}

static uint32_t next_msr(void)
{
	uint32_t total = 0, n;

	for (unsigned int i = 0; i < 5; i++)
		total += msr_ranges[i].count;
	n = (uint32_t)(msr_at++ % total);
	for (unsigned int i = 0; i < 5; i++) {
		if (n < msr_ranges[i].count)
			return msr_ranges[i].first + n;
		n -= msr_ranges[i].count;
	}
	return 0;
}

/* Segment bases and the like are this guest's own to spoil. */
void op_msr_sweep(void)
{
	uint32_t msr = next_msr();
	uint64_t now = rdmsr(msr);

	wrmsr(msr, random_below(2) ? now : random_value());
	wrmsr(msr, now);
}

void op_cpuid_sweep(void)
{
	static const uint32_t base[] = { 0, 0x40000000, 0x80000000, 0x8fff0000 };
	uint32_t leaf = base[leaf_at % 4] + (uint32_t)(leaf_at / 4 % 64),
		 sub = (uint32_t)random_value();

	leaf_at++;
	if (random_below(4) == 0)
		leaf = (uint32_t)random_value();
	__asm__ volatile("cpuid" : "+a"(leaf), "+c"(sub) : : "rbx", "rdx");
}

static void vmmcall(void)
{
	uint64_t nr = random_below(4) ? HC_FIRST + random_below(16) : random_value();
	uint64_t b = random_value(), c = random_value();

	__asm__ volatile("vmmcall" : "+a"(nr), "+b"(b), "+c"(c) : "d"(random_value()) : "memory");
	print("\nhostile: FAILED a hypercall of this guest was taken, rax=0x%lx\n", nr);
}

void op_vmmcall(void)
{
	vmmcall();
}

void op_vmmcall_user(void)
{
	uint64_t vector = user_vmmcall();

	if (vector != UD_SEEN)
		print("\nhostile: FAILED vmmcall in ring 3 ended with %lu\n", vector);
}

/* What only a hypervisor may do, and what its guests seldom do. */
static void privileged(uint32_t which)
{
	uint64_t v = random_value();

	switch (which) {
	case 0:
		__asm__ volatile("vmrun" : : "a"(v));
		break;
	case 1:
		__asm__ volatile("vmload" : : "a"(v));
		break;
	case 2:
		__asm__ volatile("vmsave" : : "a"(v));
		break;
	case 3:
		__asm__ volatile("stgi");
		break;
	case 4:
		__asm__ volatile("clgi");
		break;
	case 5:
		__asm__ volatile("invlpga" : : "a"(v), "c"((uint32_t)random_value()));
		break;
	case 6:
		__asm__ volatile("vmcall" : : "a"(v) : "memory");
		break;
	case 7:
		__asm__ volatile("xsetbv" : : "a"((uint32_t)v), "d"(0), "c"(random_below(3)));
		break;
	case 8:
		__asm__ volatile("rdpmc" : : "c"((uint32_t)v) : "rax", "rdx");
		break;
	case 9:
		__asm__ volatile("wbinvd");
		break;
	case 10:
		__asm__ volatile("monitor" : : "a"(&v), "c"(0), "d"(0));
		break;
	default:
		__asm__ volatile("rsm");
	}
}

static void control_register(uint32_t which)
{
	uint64_t v;

	switch (which) {
	case 0:
		__asm__ volatile("movq %%cr0, %0" : "=r"(v));
		v ^= 1ull << random_below(33);
		__asm__ volatile("movq %0, %%cr0" : : "r"(v) : "memory");
		break;
	case 1:
		__asm__ volatile("movq %%cr4, %0" : "=r"(v));
		v ^= 1ull << random_below(random_below(64) ? 12 : 33); /* reserved bits seldom */
		if (random_below(256)) /* its pages are all open to ring 3: it would end here */
			v &= ~(uint64_t)CR4_SMEP_SMAP;
		__asm__ volatile("movq %0, %%cr4" : : "r"(v) : "memory");
		break;
	case 2:
		__asm__ volatile("movq %0, %%cr8"
				 :
				 : "r"(random_below(8) ? random_below(16) : random_value()));
		break;
	case 3:
		__asm__ volatile("movq %0, %%dr7" : : "r"(random_value() & 0xffff0000));
		break;
	default:
		if (random_below(256) == 0)
			__asm__ volatile("movq %0, %%cr3"
					 :
					 : "r"(random_address() & ~0xfffull)
					 : "memory");
		__asm__ volatile("invlpg (%0)" : : "r"(random_value()) : "memory");
	}
}

void op_control(void)
{
	if (random_below(2))
		privileged(random_below(12));
	else
		control_register(random_below(5));
}
