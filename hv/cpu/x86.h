/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The privileged and port instructions, one function each. Source: AMD APM 3, Intel SDM 2. */
#ifndef HV_CPU_X86_H
#define HV_CPU_X86_H

#include "lib/types.h"

static inline void outb(uint16_t port, uint8_t val)
{
	asm volatile("outb %0, %1" ::"a"(val), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t val)
{
	asm volatile("outw %0, %1" ::"a"(val), "Nd"(port));
}

static inline void outl(uint16_t port, uint32_t val)
{
	asm volatile("outl %0, %1" ::"a"(val), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t val;

	asm volatile("inb %1, %0" : "=a"(val) : "Nd"(port));
	return val;
}

static inline uint16_t inw(uint16_t port)
{
	uint16_t val;

	asm volatile("inw %1, %0" : "=a"(val) : "Nd"(port));
	return val;
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t val;

	asm volatile("inl %1, %0" : "=a"(val) : "Nd"(port));
	return val;
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return lo | (uint64_t)hi << 32;
}

static inline void wrmsr(uint32_t msr, uint64_t val)
{
	asm volatile("wrmsr" ::"c"(msr), "a"((uint32_t)val), "d"((uint32_t)(val >> 32)) : "memory");
}

static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return lo | (uint64_t)hi << 32;
}

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpuid(uint32_t leaf, uint32_t sub)
{
	struct cpuid_regs r;

	asm volatile("cpuid"
		     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
		     : "a"(leaf), "c"(sub));
	return r;
}

#define READ_CR(n)                                                        \
	static inline uint64_t read_cr##n(void)                           \
	{                                                                 \
		uint64_t val;                                             \
		asm volatile("mov %%cr" #n ", %0" : "=r"(val)::"memory"); \
		return val;                                               \
	}
READ_CR(0)
READ_CR(2)
READ_CR(3)
READ_CR(4)
#undef READ_CR

static inline void write_cr2(uint64_t val)
{
	asm volatile("mov %0, %%cr2" ::"r"(val) : "memory");
}

static inline void write_cr3(uint64_t val)
{
	asm volatile("mov %0, %%cr3" ::"r"(val) : "memory");
}

static inline void write_cr4(uint64_t val)
{
	asm volatile("mov %0, %%cr4" ::"r"(val) : "memory");
}

static inline void write_cr0(uint64_t val)
{
	asm volatile("mov %0, %%cr0" ::"r"(val) : "memory");
}

/* An exception without a table to look it up in: the CPU shuts down, which resets the machine. */
static inline void __noreturn triple_fault(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none = { 0, 0 };

	for (;;)
		asm volatile("lidt %0; ud2" ::"m"(none));
}

static inline uint64_t read_dr6(void)
{
	uint64_t val;

	asm volatile("mov %%dr6, %0" : "=r"(val));
	return val;
}

static inline void write_dr6(uint64_t val)
{
	asm volatile("mov %0, %%dr6" ::"r"(val));
}

static inline void invlpg(const void *addr)
{
	asm volatile("invlpg (%0)" ::"r"(addr) : "memory");
}

static inline void cpu_relax(void)
{
	asm volatile("pause" ::: "memory");
}

#define MSR_EFER           0xc0000080
#define EFER_SCE           BIT(0)
#define EFER_LME           BIT(8)
#define EFER_LMA           BIT(10)
#define EFER_NXE           BIT(11)
#define EFER_SVME          BIT(12)
#define EFER_UAIE          BIT(20) /* AMD's upper address ignore */
#define MSR_PAT            0x277
#define MSR_APIC_BASE      0x1b
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

#define CR0_PE      BIT(0)
#define CR0_NE      BIT(5)
#define CR0_WP      BIT(16)
#define CR0_NW      BIT(29)
#define CR0_CD      BIT(30)
#define CR0_PG      BIT(31)
#define CR4_PAE     BIT(5)
#define CR4_VMXE    BIT(13)
#define CR4_LA57    BIT(12)
#define CR4_LAM_SUP BIT(28)
#define CR3_LAM     (BIT(61) | BIT(62)) /* Intel's linear address masking, for user pointers */

#define RFLAGS_IF BIT(9)

#endif
