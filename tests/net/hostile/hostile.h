/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that does what no driver does, at random, by a seed. It links the lwIP guest's start-up
 * code, console and PCI access; the rest is its own. See main.c for how it is told what to do.
 *
 * R15 counts operations, R14 has the kind of the present one, and R13 counts how often the card was
 * set up (card.h), in every file and at any time, so the dump of a killed VM says how far it came
 * (compiled with -ffixed-r13 -ffixed-r14 -ffixed-r15).
 */
#pragma once

#include <stdint.h>

register uint64_t operations __asm__("r15");
register uint64_t kind __asm__("r14");
register uint64_t set_ups __asm__("r13");

typedef void operation_fn(void);

/* ---- random.c: one generator, seeded once a life ---- */
void random_seed(uint64_t seed);
uint64_t random64(void);
uint32_t random_below(uint32_t n); /* n > 0 */
uint64_t random_value(void);       /* a number that code likes to get wrong */
uint64_t random_address(void);     /* guest-physical: own RAM, its end, registers, anywhere */

/* ---- trap.S, trap.c: exceptions end an operation, not the guest ---- */
void trap_init(void);
uint64_t attempt(operation_fn *fn); /* 0: it returned; else 1 + vector of the exception */
uint64_t user_vmmcall(void);        /* attempt() of it in ring 3, registers at random */

/* Any guest-physical address below 2^40, as a pointer that is good until the next call. */
volatile uint8_t *physical(uint64_t gpa);

/* ---- operations: processor.c, buses.c, card.c ---- */
void start_at(uint64_t seed); /* sweeps begin where the seed says */
void op_ports(void), op_port_sweep(void), op_msr_sweep(void), op_cpuid_sweep(void);
void op_vmmcall(void), op_vmmcall_user(void), op_apic(void), op_control(void);
void op_outside(void), op_pci(void), op_registers(void), op_features(void);
void op_chains(void), op_frames(void), op_kicks(void);

/* ---- offers.c, judge.c: frames for the card to finish, honest and not ---- */
void op_lies(void), op_offers(void), op_judge(void);
void offers_report(void), judge_report(void); /* at a life's end */
