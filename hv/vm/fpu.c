/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Switches vector state between VMs. */
#include "vm/fpu.h"

#include "cpu/x86.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mem/phys.h"
#include "vm/vm.h"

#define CR4_OSXSAVE  BIT(18)
#define L1_ECX_XSAVE BIT(26)
#define XCR0_X87     BIT(0)
#define XCR0_SSE     BIT(1)
#define XCR0_AVX     BIT(2)
#define XCR0_AVX512  (BIT(5) | BIT(6) | BIT(7)) /* all or none (SDM 1 13.3) */
#define XCR0_PKRU    BIT(9)
#define XCR0_KNOWN   (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512 | XCR0_PKRU)
#define FXSAVE_FCW   0
#define FXSAVE_MXCSR 24

static uint64_t xcr0_all; /* 0: the CPU has FXSAVE only */
static size_t area_size = 512;
static struct vm *owner;

static void xsetbv(uint64_t val)
{
	asm volatile("xsetbv" ::"c"(0), "a"((uint32_t)val), "d"((uint32_t)(val >> 32)));
}

static uint64_t xgetbv(void)
{
	uint32_t lo, hi;

	asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return lo | (uint64_t)hi << 32;
}

static void save(void *area)
{
	if (xcr0_all)
		asm volatile("xsave64 (%0)" ::"r"(area), "a"(-1), "d"(-1) : "memory");
	else
		asm volatile("fxsave64 (%0)" ::"r"(area) : "memory");
}

static void restore(const void *area)
{
	if (xcr0_all)
		asm volatile("xrstor64 (%0)" ::"r"(area), "a"(-1), "d"(-1) : "memory");
	else
		asm volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
}

void fpu_init(void)
{
	struct cpuid_regs r;

	if (!(cpuid(1, 0).ecx & L1_ECX_XSAVE))
		return;
	write_cr4(read_cr4() | CR4_OSXSAVE);
	r = cpuid(13, 0);
	xcr0_all = r.eax & XCR0_KNOWN;
	xsetbv(xcr0_all);
	area_size = cpuid(13, 0).ebx; /* size for the features now enabled */
}

void fpu_vm_init(struct vm *vm)
{
	uint8_t *area = vm->fpu.area ? vm->fpu.area : phys_alloc_hv(area_size);

	memset(area, 0, area_size);
	*(uint16_t *)(area + FXSAVE_FCW) = 0x37f;
	*(uint32_t *)(area + FXSAVE_MXCSR) = 0x1f80;
	vm->fpu.area = area;
	vm->fpu.xcr0 = XCR0_X87;
	if (owner == vm)
		owner = NULL; /* what the registers hold is of no use any more */
}

void fpu_switch_to(struct vm *vm)
{
	if (owner == vm)
		return;
	if (xcr0_all && owner)
		owner->fpu.xcr0 = xgetbv(); /* QEMU's TCG does not intercept XSETBV */
	if (xcr0_all)
		xsetbv(xcr0_all);
	if (owner)
		save(owner->fpu.area);
	restore(vm->fpu.area);
	if (xcr0_all)
		xsetbv(vm->fpu.xcr0);
	owner = vm;
}

/* What XSETBV would not take, it must not be asked to. */
static bool is_valid(uint64_t xcr0)
{
	uint64_t avx512 = xcr0 & XCR0_AVX512;

	return xcr0_all && (xcr0 & XCR0_X87) && !(xcr0 & ~xcr0_all) &&
	       (!(xcr0 & XCR0_AVX) || (xcr0 & XCR0_SSE)) &&
	       (!avx512 || (avx512 == XCR0_AVX512 && (xcr0 & XCR0_AVX)));
}

int fpu_set_xcr0(struct vm *vm, uint64_t xcr0)
{
	if (!is_valid(xcr0))
		return -EINVAL;
	vm->fpu.xcr0 = xcr0;
	xsetbv(xcr0);
	return 0;
}
