/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables of this guest: everything below 4 GiB one to one, open to ring 3; one movable large page.
 */
#include "hostile.h"

#define LARGE    (2ull << 20)
#define PTE      0x7ull /* present, writable, user */
#define PTE_2MIB (PTE | 0x80)
#define SCRATCH  (4ull << 30)
#define SEL_TSS  0x28

struct __attribute__((packed)) tss {
	uint32_t reserved0;
	uint64_t rsp[3], reserved1, ist[7], reserved2;
	uint16_t reserved3, iomap_base;
};

struct gate {
	uint16_t low, selector;
	uint8_t ist, type;
	uint16_t mid;
	uint32_t high, reserved;
};

struct __attribute__((packed)) pointer {
	uint16_t limit;
	uint64_t base;
};

extern const char trap_stubs[];
void user_enter(const uint64_t regs[4]);

static uint64_t pml4[512] __attribute__((aligned(4096)));
static uint64_t pdpt[512] __attribute__((aligned(4096)));
static uint64_t pd[5][512] __attribute__((aligned(4096)));
static uint8_t stack[8192] __attribute__((aligned(16)));
static struct gate idt[256];
static struct tss tss;
static uint64_t gdt[7] = { 0, 0x00af9b000000ffff, /* 08: code, ring 0 */
			   0x00cf93000000ffff,    /* 10: data, ring 0 */
			   0x00cff3000000ffff,    /* 18: data, ring 3 */
			   0x00affb000000ffff };  /* 20: code, ring 3 */

static void map(void)
{
	pml4[0] = (uint64_t)pdpt | PTE;
	for (uint64_t i = 0; i < 5; i++)
		pdpt[i] = (uint64_t)pd[i] | PTE;
	for (uint64_t i = 0; i < 4 * 512; i++)
		pd[i / 512][i % 512] = i * LARGE | PTE_2MIB;
	__asm__ volatile("movq %0, %%cr3" : : "r"(pml4) : "memory");
}

void trap_init(void)
{
	struct pointer g = { sizeof(gdt) - 1, (uint64_t)gdt },
		       i = { sizeof(idt) - 1, (uint64_t)idt };
	uint64_t base = (uint64_t)&tss;

	map();
	tss.rsp[0] = tss.ist[0] = (uint64_t)stack + sizeof(stack);
	tss.iomap_base = sizeof(tss);
	gdt[5] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
		 (base >> 24 & 0xff) << 56;
	gdt[6] = base >> 32;
	for (unsigned int v = 0; v < 256; v++) {
		uint64_t to = (uint64_t)trap_stubs + v * 16;

		idt[v] = (struct gate){ (uint16_t)to,         8, 1, 0x8e, (uint16_t)(to >> 16),
					(uint32_t)(to >> 32), 0 };
	}
	__asm__ volatile("lgdt %0" : : "m"(g));
	__asm__ volatile("lidt %0" : : "m"(i));
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
}

volatile uint8_t *physical(uint64_t gpa)
{
	gpa &= (1ull << 40) - 1;
	if (gpa < SCRATCH)
		return (volatile uint8_t *)gpa;
	pd[4][0] = (gpa & ~(LARGE - 1)) | PTE_2MIB;
	__asm__ volatile("invlpg (%0)" : : "r"(SCRATCH) : "memory");
	return (volatile uint8_t *)(SCRATCH + gpa % LARGE);
}

static void enter_ring_3(void)
{
	uint64_t regs[4] = { 0x43410001 + random_below(16), random_value(), random_value(),
			     random_value() };

	if (random_below(4) == 0)
		regs[0] = random_value();
	user_enter(regs);
}

uint64_t user_vmmcall(void)
{
	return attempt(enter_ring_3);
}
