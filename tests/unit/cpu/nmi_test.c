/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the NMI handler makes of what it interrupted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cpu/nmi.h"
#include "cpu/trap.h"
#include "debug/log.h"
#include "debug/stats.h"
#include "twin/load.h"
#include "twin/run.h"
#include "vm/sched.h"

#define TEXT       0x10000000000UL /* of the hypervisor */
#define TWIN       0x20000000000UL
#define STACK      0x30000000000UL /* an ordinary one; stack of vector n: n pages above */
#define STACK_SIZE 0x1000UL

char cpu_idle_hlt[8];

static bool active, waits, in_vm;
static unsigned int hooked, repeated_hooks;
static struct {
	char stack[64];
	struct trap_frame frame;
} at;

bool run_active(void)
{
	return active;
}

bool run_waits(void)
{
	return waits;
}

bool twin_has(uint64_t addr)
{
	return addr >= TWIN && addr < TWIN + 0x1000;
}

const struct vm *sched_inside(void)
{
	return in_vm ? (const struct vm *)&at : NULL;
}

uint64_t trap_stack_top(unsigned int vector)
{
	if (vector == VEC_NMI)
		return (uint64_t)(&at.frame + 1);
	return STACK + (vector + 1) * STACK_SIZE;
}

bool trap_on_stack(unsigned int vector, uint64_t rsp)
{
	uint64_t top = trap_stack_top(vector);

	return rsp <= top && rsp > top - STACK_SIZE;
}

uint64_t trap_stack_used(unsigned int vector)
{
	return vector;
}

void json_u64(const char *key, uint64_t value)
{
	(void)key;
	(void)value;
}

void bug(const char *file, int line, const char *fmt, ...)
{
	mock_assert(0, fmt, file, line);
	__builtin_unreachable();
}

static void hook(bool repeated)
{
	hooked++;
	repeated_hooks += repeated;
}

static int setup(void **state)
{
	(void)state;
	active = waits = in_vm = false;
	hooked = repeated_hooks = 0;
	nmi_counts = (struct nmi_counts){ 0 };
	nmi_set_hook(NULL);
	return 0;
}

static uint64_t handle(uint64_t rip, uint64_t rsp)
{
	at.frame = (struct trap_frame){ .vector = VEC_NMI, .rip = rip, .rsp = rsp };
	nmi_handle(&at.frame);
	return at.frame.rip;
}

static void expect(enum nmi_place place, uint64_t rip, uint64_t rsp)
{
	uint64_t before = nmi_counts.at[place], taken = nmi_counts.taken;

	handle(rip, rsp);
	assert_int_equal(nmi_counts.at[place], before + 1);
	assert_int_equal(nmi_counts.taken, taken + 1);
}

static uint64_t stack_of(unsigned int vector)
{
	return STACK + (vector + 1) * STACK_SIZE - 8;
}

static void test_r18_places(void **state)
{
	(void)state;
	expect(NMI_HV, TEXT, STACK);
	expect(NMI_TRAP, TEXT, stack_of(VEC_PF)); /* a bug's own page fault, then */
	expect(NMI_TRAP, TEXT, stack_of(VEC_TIMER));
	expect(NMI_IDLE, (uint64_t)cpu_idle_hlt + 1, STACK);
	active = true;
	expect(NMI_TWIN, TWIN, STACK);
	expect(NMI_NATIVE, TEXT, STACK);
	expect(NMI_MISS, TEXT, stack_of(VEC_PF));
	expect(NMI_TRAP, TEXT, stack_of(VEC_TIMER));
	active = false;
	in_vm = true;
	expect(NMI_VM, TEXT, STACK);
	waits = true;
	expect(NMI_UPCALL, TEXT, STACK);
	assert_int_equal(nmi_counts.off_stack, 0);
}

/* Between STI and HLT: the HLT must not be reached, an interrupt may be marked by then. */
static void test_r18_no_sleep_over_an_interrupt(void **state)
{
	uint64_t hlt = (uint64_t)cpu_idle_hlt;

	(void)state;
	assert_int_equal(handle(hlt, STACK), hlt + 1);
	assert_int_equal(nmi_counts.hlt_skipped, 1);
	assert_int_equal(handle(hlt - 1, STACK), hlt - 1);
	assert_int_equal(handle(hlt + 1, STACK), hlt + 1);
	assert_int_equal(nmi_counts.hlt_skipped, 1);
}

static void test_hook_knows_a_repetition(void **state)
{
	(void)state;
	nmi_set_hook(hook);
	handle(TEXT, STACK);
	assert_int_equal(repeated_hooks, 0);
	handle(TEXT, STACK);
	assert_int_equal(repeated_hooks, 1);
	handle(TEXT, STACK + 8);
	handle(TEXT + 1, STACK + 8);
	assert_int_equal(repeated_hooks, 1);
	handle((uint64_t)cpu_idle_hlt, STACK); /* goes on behind it: there the next one hits */
	handle((uint64_t)cpu_idle_hlt + 1, STACK);
	assert_int_equal(repeated_hooks, 2);
	assert_int_equal(hooked, 6);
}

static void test_r18_nested_is_our_bug(void **state)
{
	(void)state;
	expect_assert_failure(handle(TEXT, (uint64_t)&at.frame));
}

static void test_r18_other_stack_is_counted(void **state)
{
	struct trap_frame elsewhere = { .vector = VEC_NMI, .rip = TEXT, .rsp = STACK };

	(void)state;
	nmi_handle(&elsewhere);
	assert_int_equal(nmi_counts.off_stack, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_r18_places, setup),
		cmocka_unit_test_setup(test_r18_no_sleep_over_an_interrupt, setup),
		cmocka_unit_test_setup(test_hook_knows_a_repetition, setup),
		cmocka_unit_test_setup(test_r18_nested_is_our_bug, setup),
		cmocka_unit_test_setup(test_r18_other_stack_is_counted, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
