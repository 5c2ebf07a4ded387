/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The miss routines of lookups (hv/twin/enter.S): derived code's registers and flags stay. */
#define _GNU_SOURCE /* REG_RIP */
#include "twin/gate.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include "twin/gate_abi.h"

#define NREGS   16
#define RSP     4
#define FLAGS   0x8d5 /* all that arithmetic sets */
#define CLI     0xfa
#define PATTERN 0x1122334455667700UL

extern const uint8_t twin_misses[];

/* Registers by their numbers, and flags, before a call of `routine` and behind it. */
uint64_t before[NREGS + 1], after[NREGS + 1];
const void *routine;
void call_miss(void);

static uint64_t address, caller;
static unsigned int misses, unaligned;

/* What a C function may do to its caller. */
void twin_miss(uint64_t address_, uint64_t caller_)
{
	address = address_;
	caller = caller_;
	misses++;
	unaligned += (uint64_t)__builtin_frame_address(0) % 16 != 0;
	asm volatile("movq $-1, %%rax; movq $-1, %%rcx; movq $-1, %%rdx; movq $-1, %%rsi\n\t"
		     "movq $-1, %%rdi; movq $-1, %%r8; movq $-1, %%r9; movq $-1, %%r10\n\t"
		     "movq $-1, %%r11; xorl %%eax, %%eax"
		     :
		     :
		     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc", "memory");
}

/* What else enter.S calls is not called here. */
uint64_t twin_upcall(uint32_t import, const uint64_t *reg_args, const uint64_t *stack_args)
{
	(void)import;
	(void)reg_args;
	(void)stack_args;
	return 0;
}

void twin_refuse_indirect(uint64_t caller_, uint64_t address_)
{
	(void)caller_;
	(void)address_;
}

void twin_refuse_depth(uint64_t caller_)
{
	(void)caller_;
}

void twin_refuse_stack(uint64_t rsp)
{
	(void)rsp;
}

asm(".text\n"
    "	.macro load reg, n\n"
    "	movq before+8*\\n(%rip), %\\reg\n"
    "	.endm\n"
    "	.macro keep reg, n\n"
    "	movq %\\reg, after+8*\\n(%rip)\n"
    "	.endm\n"
    "	.macro each what\n"
    "	.set n, 0\n"
    "	.irp reg, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15\n"
    "	.ifnc \\reg, rsp\n"
    "	\\what \\reg, n\n"
    "	.endif\n"
    "	.set n, n + 1\n"
    "	.endr\n"
    "	.endm\n"
    "	.globl call_miss\n"
    "call_miss:\n"
    "	pushq %rbx\n"
    "	pushq %rbp\n"
    "	pushq %r12\n"
    "	pushq %r13\n"
    "	pushq %r14\n"
    "	pushq %r15\n"
    "	movq %rsp, before+8*4(%rip)\n"
    "	pushq before+8*16(%rip)\n"
    "	popfq\n"
    "	each load\n"
    "	call *routine(%rip)\n"
    "	each keep\n"
    "	movq %rsp, after+8*4(%rip)\n"
    "	pushfq\n"
    "	popq after+8*16(%rip)\n"
    "	popq %r15\n"
    "	popq %r14\n"
    "	popq %r13\n"
    "	popq %r12\n"
    "	popq %rbp\n"
    "	popq %rbx\n"
    "	ret\n");

/* The one instruction that no program may execute is passed over. */
static void skip_cli(int sig, siginfo_t *info, void *context)
{
	ucontext_t *c = context;

	(void)info;
	if (*(const uint8_t *)c->uc_mcontext.gregs[REG_RIP] != CLI)
		signal(sig, SIG_DFL);
	else
		c->uc_mcontext.gregs[REG_RIP]++;
}

static void test_every_register_and_flag_is_kept(void **state)
{
	struct sigaction skip = { .sa_sigaction = skip_cli, .sa_flags = SA_SIGINFO };

	(void)state;
	sigaction(SIGSEGV, &skip, NULL);
	for (unsigned int reg = 0; reg < NREGS; reg++)
		for (unsigned int pass = 0; pass < 2; pass++) {
			if (reg == RSP)
				continue;
			for (unsigned int n = 0; n < NREGS; n++)
				before[n] = PATTERN + n;
			before[NREGS] = 0x202 | (pass ? FLAGS : 0);
			routine = twin_misses + TWIN_MISS_BYTES * reg;
			call_miss();
			assert_memory_equal(before, after, NREGS * sizeof(*before));
			assert_int_equal(after[NREGS] & FLAGS, before[NREGS] & FLAGS);
			assert_int_equal(address, PATTERN + reg);
			assert_true(caller > (uint64_t)call_miss &&
				    caller < (uint64_t)call_miss + 512);
		}
	assert_int_equal(misses, 2 * (NREGS - 1));
	assert_int_equal(unaligned, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_register_and_flag_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
