/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GDT, TSS, IDT and the handlers themselves (Intel SDM vol. 3A chapter 6; AMD APM vol. 2 chapter
 * 8). Handlers use the compiler's interrupt attribute: with -mgeneral-regs-only it saves exactly
 * what the handler and its callees use, so no assembly is needed.
 */
#include "cpu/idt.h"
#include "cpu/lapic.h"
#include "cpu/power.h"
#include "lib/print.h"

#include <stddef.h>

#define SELECTOR_CODE  0x08
#define SELECTOR_TSS   0x10
#define GATE_INTERRUPT 0x8e /* present, DPL 0, 64-bit interrupt gate: clears IF */
#define IST_EXCEPTION  1

struct interrupt_frame {
	uint64_t rip, cs, rflags, rsp, ss;
};

struct idt_gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_mid;
	uint32_t offset_high, reserved;
};

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3], reserved1, ist[7], reserved2;
	uint16_t reserved3, iomap_base;
} __attribute__((packed));

struct table_ptr {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

_Static_assert(sizeof(struct idt_gate) == 16, "long mode gate");
_Static_assert(sizeof(struct tss) == 104, "long mode TSS");

volatile struct irq_counts irq_counts;

static struct idt_gate idt[256] __attribute__((aligned(16)));
static struct tss tss;
static uint8_t exception_stack[8192] __attribute__((aligned(16)));

/* LTR sets the busy bit of the TSS descriptor, so the table is writable. */
static uint64_t gdt[4] = { 0, 0x00af9b000000ffff, 0, 0 };

static void exception(unsigned int vector, const struct interrupt_frame *f, uint64_t error)
{
	uint64_t cr2;

	__asm__ volatile("movq %%cr2, %0" : "=r"(cr2));
	print("stub: exception %u error 0x%lx at rip 0x%lx rsp 0x%lx rflags 0x%lx cr2 0x%lx\n",
	      vector, error, f->rip, f->rsp, f->rflags, cr2);
	power_off();
}

#define EXCEPTION(n)                                                                    \
	__attribute__((interrupt)) static void exception_##n(struct interrupt_frame *f) \
	{                                                                               \
		exception(n, f, 0);                                                     \
	}
#define EXCEPTION_ERROR(n)                                                              \
	__attribute__((interrupt)) static void exception_##n(struct interrupt_frame *f, \
							     unsigned long error)       \
	{                                                                               \
		exception(n, f, error);                                                 \
	}

EXCEPTION(0)
EXCEPTION(1)
EXCEPTION(2)
EXCEPTION(3)
EXCEPTION(4)
EXCEPTION(5)
EXCEPTION(6)
EXCEPTION(7)
EXCEPTION_ERROR(8)
EXCEPTION_ERROR(10)
EXCEPTION_ERROR(11)
EXCEPTION_ERROR(12)
EXCEPTION_ERROR(13)
EXCEPTION_ERROR(14)
EXCEPTION(16)
EXCEPTION_ERROR(17)
EXCEPTION(18)
EXCEPTION(19)

static const void *const exceptions[] = {
	[0] = exception_0,   [1] = exception_1,   [2] = exception_2,   [3] = exception_3,
	[4] = exception_4,   [5] = exception_5,   [6] = exception_6,   [7] = exception_7,
	[8] = exception_8,   [10] = exception_10, [11] = exception_11, [12] = exception_12,
	[13] = exception_13, [14] = exception_14, [16] = exception_16, [17] = exception_17,
	[18] = exception_18, [19] = exception_19,
};

__attribute__((interrupt)) static void irq_net_config(struct interrupt_frame *f)
{
	(void)f;
	irq_counts.net_config++;
	lapic_eoi();
}

__attribute__((interrupt)) static void irq_net_queue(struct interrupt_frame *f)
{
	(void)f;
	irq_counts.net_queue++;
	lapic_eoi();
}

__attribute__((interrupt)) static void irq_timer(struct interrupt_frame *f)
{
	(void)f;
	irq_counts.timer++;
	lapic_eoi();
}

/* A spurious interrupt sets no in-service bit: no EOI (SDM 3A 10.9). */
__attribute__((interrupt)) static void irq_spurious(struct interrupt_frame *f)
{
	(void)f;
	irq_counts.spurious++;
}

static void gate_set(unsigned int vector, const void *handler, uint8_t ist)
{
	uint64_t offset = (uint64_t)handler;

	idt[vector] = (struct idt_gate){
		.offset_low = (uint16_t)offset,
		.selector = SELECTOR_CODE,
		.ist = ist,
		.type = GATE_INTERRUPT,
		.offset_mid = (uint16_t)(offset >> 16),
		.offset_high = (uint32_t)(offset >> 32),
	};
}

static void tss_init(void)
{
	uint64_t base = (uint64_t)&tss;

	tss.ist[IST_EXCEPTION - 1] = (uint64_t)exception_stack + sizeof(exception_stack);
	tss.iomap_base = sizeof(tss);
	gdt[2] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
		 (base >> 24 & 0xff) << 56;
	gdt[3] = base >> 32;
}

void idt_init(void)
{
	struct table_ptr gdt_ptr = { sizeof(gdt) - 1, (uint64_t)gdt };
	struct table_ptr idt_ptr = { sizeof(idt) - 1, (uint64_t)idt };

	tss_init();
	__asm__ volatile("lgdt %0" : : "m"(gdt_ptr));
	__asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS));
	for (unsigned int i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
		if (exceptions[i])
			gate_set(i, exceptions[i], IST_EXCEPTION);
	}
	gate_set(VECTOR_NET_CONFIG, irq_net_config, 0);
	gate_set(VECTOR_NET_QUEUE, irq_net_queue, 0);
	gate_set(VECTOR_TIMER, irq_timer, 0);
	gate_set(VECTOR_SPURIOUS, irq_spurious, 0);
	__asm__ volatile("lidt %0" : : "m"(idt_ptr));
}
