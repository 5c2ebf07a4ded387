/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt descriptor table of the hypervisor. Handlers run with interrupts off, each kind on
 * its own IST stack (R18), never use GS and find their CPU by the stack. Vector plan below.
 */
#ifndef HV_CPU_TRAP_H
#define HV_CPU_TRAP_H

#include "lib/types.h"

#define VEC_DB       1
#define VEC_NMI      2
#define VEC_DF       8
#define VEC_PF       14
#define VEC_MC       18
#define VEC_PIN      0x40 /* + physical IOAPIC pin */
#define VEC_TIMER    0xf0
#define VEC_SPURIOUS 0xff

/* Bytes of the descriptor tables. An exit of VT-x sets larger limits in their registers. */
#define GDT_BYTES (5 * 8)
#define IDT_BYTES (256 * 16)

/* What the entry stubs push, lowest address first. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};
ASSERT_SIZE(struct trap_frame, 22 * 8);

void trap_init(void); /* loads GDT, TSS, IDT; interrupts stay off */

/*
 * For the monitor's `fault hv-df`: page faults get a stack that is not mapped, so that the next
 * one ends in a double fault. There is no way back.
 */
void trap_lose_stack(void);

/*
 * The stack that entries of this vector begin on: its end, whether rsp lies there, and how many
 * bytes of it were ever used.
 */
uint64_t trap_stack_top(unsigned int vector);
bool trap_on_stack(unsigned int vector, uint64_t rsp);
uint64_t trap_stack_used(unsigned int vector);

/* From entry.S only. */
void trap_dispatch(struct trap_frame *frame);

#endif
