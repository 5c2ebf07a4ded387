/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The call of derived code (hv/twin/enter.S): what code that broke gives back is not believed. */
#include "twin/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static jmp_buf refused;
static uint64_t refused_at;

void twin_refuse_indirect(uint64_t caller, uint64_t address)
{
	(void)caller;
	(void)address;
	fail();
}

void twin_refuse_depth(uint64_t caller)
{
	(void)caller;
	fail();
}

void twin_refuse_stack(uint64_t rsp)
{
	refused_at = rsp;
	longjmp(refused, 1); /* the abort behind it is the processor's: interrupts off */
}

uint64_t twin_upcall(uint32_t import, const uint64_t *reg_args, const uint64_t *stack_args)
{
	(void)import;
	(void)reg_args;
	(void)stack_args;
	fail();
	return 0;
}

void twin_miss(uint64_t address, uint64_t caller)
{
	(void)address;
	(void)caller;
	fail();
}

/* Derived code, and a caller that sees what it gets back. */
uint64_t derived_sum(uint64_t a, uint64_t b);
uint64_t derived_spoils(uint64_t a, uint64_t b);
uint64_t derived_pops(uint64_t a, uint64_t b);
uint64_t derived_pushes(uint64_t a, uint64_t b);
uint64_t derived_aligned(uint64_t a, uint64_t b);
uint64_t call_and_compare(void *fn, uint64_t a, uint64_t b, uint64_t *result);

asm(".text\n"
    "derived_sum:\n"
    "	leaq (%rdi, %rsi), %rax\n"
    "	ret\n"
    "derived_spoils:\n"
    "	movq $1, %rbx\n"
    "	movq $2, %rbp\n"
    "	movq $3, %r12\n"
    "	movq $4, %r13\n"
    "	movq $5, %r14\n"
    "	movq $6, %r15\n"
    "	std\n"
    "	ret\n"
    "derived_pops:\n" /* returns twice as far: its return address is gone, another one serves */
    "	popq %rax\n"
    "	movq %rax, (%rsp)\n"
    "	ret\n"
    "derived_pushes:\n"
    "	pushq (%rsp)\n"
    "	ret\n"
    "derived_aligned:\n"
    "	leaq 8(%rsp), %rax\n"
    "	andq $15, %rax\n"
    "	ret\n"
    /* 0: the saved registers and the direction flag are as they were */
    "call_and_compare:\n"
    "	pushq %rbx\n"
    "	pushq %rbp\n"
    "	pushq %r12\n"
    "	pushq %r13\n"
    "	pushq %r14\n"
    "	pushq %r15\n"
    "	pushq %rcx\n"
    "	movq $0x11, %rbx\n"
    "	movq $0x12, %rbp\n"
    "	movq $0x13, %r12\n"
    "	movq $0x14, %r13\n"
    "	movq $0x15, %r14\n"
    "	movq $0x16, %r15\n"
    "	call twin_call\n"
    "	popq %rcx\n"
    "	movq %rax, (%rcx)\n"
    "	pushfq\n"
    "	popq %rax\n"
    "	andq $0x400, %rax\n"
    "	cld\n"
    "	xorq $0x11, %rbx\n"
    "	xorq $0x12, %rbp\n"
    "	xorq $0x13, %r12\n"
    "	xorq $0x14, %r13\n"
    "	xorq $0x15, %r14\n"
    "	xorq $0x16, %r15\n"
    "	orq %rbx, %rax\n"
    "	orq %rbp, %rax\n"
    "	orq %r12, %rax\n"
    "	orq %r13, %rax\n"
    "	orq %r14, %rax\n"
    "	orq %r15, %rax\n"
    "	popq %r15\n"
    "	popq %r14\n"
    "	popq %r13\n"
    "	popq %r12\n"
    "	popq %rbp\n"
    "	popq %rbx\n"
    "	ret\n");

static void test_r19_arguments_and_result_pass(void **state)
{
	uint64_t result = 0;

	(void)state;
	assert_int_equal(call_and_compare(derived_sum, 40, 2, &result), 0);
	assert_int_equal(result, 42);
	assert_int_equal(call_and_compare(derived_aligned, 0, 0, &result), 0);
	assert_int_equal(result, 0);
}

static void test_r19_spoilt_registers_stay_inside(void **state)
{
	uint64_t result;

	(void)state;
	assert_int_equal(call_and_compare(derived_spoils, 0, 0, &result), 0);
}

static void another_stack_is_refused(void *fn, int64_t beside)
{
	uint64_t result;

	refused_at = 0;
	if (!setjmp(refused)) {
		call_and_compare(fn, 0, 0, &result);
		fail_msg("it returned");
	}
	assert_int_equal(refused_at - ((uint64_t)twin_frames_end + 8), beside);
}

static void test_r19_another_stack_is_refused(void **state)
{
	(void)state;
	another_stack_is_refused(derived_pops, 8);
	another_stack_is_refused(derived_pushes, -8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_r19_arguments_and_result_pass),
		cmocka_unit_test(test_r19_spoilt_registers_stay_inside),
		cmocka_unit_test(test_r19_another_stack_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
