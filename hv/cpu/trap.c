/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GDT, TSS, IDT and the dispatch of traps and interrupts. */
#include "cpu/trap.h"

#include "cpu/irq.h"
#include "cpu/nmi.h"
#include "cpu/x86.h"
#include "debug/dump.h"
#include "debug/log.h"
#include "mem/layout.h"
#include "mem/paging.h"
#include "twin/run.h"

#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_TSS  0x18

#define IST_STACK_SIZE (2 * PAGE_SIZE)

/* One stack per kind of entry, so that a nested kind never runs over the frame of another (R18). */
enum ist { IST_NONE, IST_PF, IST_FAULT, IST_IRQ, IST_NMI, IST_MC, IST_DF, IST_COUNT };

struct __packed tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7]; /* IST1 first */
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map;
};
ASSERT_SIZE(struct tss, 104);

struct idt_gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_mid;
	uint32_t offset_high, reserved;
};
ASSERT_SIZE(struct idt_gate, 16);

struct __packed table_pointer {
	uint16_t limit;
	void *base;
};

static uint64_t gdt[GDT_BYTES / 8] = { 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0, 0 };
static struct tss tss;
static struct idt_gate idt[IDT_BYTES / sizeof(struct idt_gate)];
extern char trap_stubs[]; /* 16 bytes each */

static enum ist ist_of(unsigned int vector)
{
	switch (vector) {
	case VEC_PF:
		return IST_PF;
	case VEC_NMI:
		return IST_NMI;
	case VEC_MC:
		return IST_MC;
	case VEC_DF:
		return IST_DF;
	default:
		return vector < 32 ? IST_FAULT : IST_IRQ;
	}
}

static void load_gdt(void)
{
	uint64_t base = (uint64_t)&tss;
	struct table_pointer p = { sizeof(gdt) - 1, gdt };

	gdt[3] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89UL << 40 |
		 (base >> 24 & 0xff) << 56;
	gdt[4] = base >> 32;
	asm volatile("lgdt %0\n\t"
		     "pushq %1\n\t"
		     "leaq 1f(%%rip), %%rax\n\t"
		     "pushq %%rax\n\t"
		     "lretq\n"
		     "1:\n\t"
		     "movl %2, %%eax\n\t"
		     "movl %%eax, %%ds\n\t"
		     "movl %%eax, %%es\n\t"
		     "movl %%eax, %%ss\n\t"
		     "ltr %w3" ::"m"(p),
		     "i"(SEL_CODE), "i"(SEL_DATA), "r"(SEL_TSS)
		     : "rax", "memory");
}

void trap_init(void)
{
	struct table_pointer p = { sizeof(idt) - 1, idt };

	tss.io_map = sizeof(tss);
	for (int i = IST_PF; i < IST_COUNT; i++)
		tss.ist[i - 1] = (uint64_t)stack_alloc(IST_STACK_SIZE);
	for (unsigned int v = 0; v < 256; v++) {
		uint64_t stub = (uint64_t)trap_stubs + v * 16;

		idt[v] = (struct idt_gate){ .offset_low = stub,
					    .selector = SEL_CODE,
					    .ist = ist_of(v),
					    .type = 0x8e, /* present, interrupt gate: IF=0 */
					    .offset_mid = stub >> 16,
					    .offset_high = stub >> 32 };
	}
	load_gdt();
	asm volatile("lidt %0" ::"m"(p));
}

uint64_t trap_stack_top(unsigned int vector)
{
	return tss.ist[ist_of(vector) - 1];
}

bool trap_on_stack(unsigned int vector, uint64_t rsp)
{
	uint64_t top = trap_stack_top(vector);

	return rsp <= top && rsp > top - IST_STACK_SIZE;
}

/* Stacks begin as zeros. */
uint64_t trap_stack_used(unsigned int vector)
{
	const uint64_t *top = (const uint64_t *)trap_stack_top(vector);
	const uint64_t *p = top - IST_STACK_SIZE / sizeof(*p);

	while (p < top && !*p)
		p++;
	return (uint64_t)top - (uint64_t)p;
}

void trap_lose_stack(void)
{
	tss.ist[IST_PF - 1] = STACK_BASE; /* it grows down, and below the first one is nothing */
}

void trap_dispatch(struct trap_frame *frame)
{
	if (frame->vector >= 32) {
		irq_handle(frame);
		return;
	}
	if (frame->vector == VEC_NMI) {
		nmi_handle(frame);
		return;
	}
	if (run_trap(frame))
		return;
	dump_trap(frame);
	BUG("trap %lu in the hypervisor", frame->vector);
}
