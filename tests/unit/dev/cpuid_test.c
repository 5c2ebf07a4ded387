/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What CPUID of a VM hides, on a CPU that has everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "virt/virt_ops.h"
#include "vm/exit.h"
#include "vm/vcpu.h"

static void sysregs_read(const struct vcpu *vcpu, struct vcpu_sysregs *regs)
{
	(void)vcpu;
	*regs = (struct vcpu_sysregs){ 0 };
}

static const struct cpuid_hidden hidden[] = {
	{ 4, ANY_SUB, .eax = 0xffffc000 },
	{ 6, 0, ~0U, ~0U, ~0U, ~0U },
	{ 13, 1, .eax = BIT(3) },
};
static const struct virt_ops ops = { .sysregs_read = sysregs_read,
				     .cpuid_hidden = hidden,
				     .cpuid_hidden_count = ARRAY_SIZE(hidden) };
const struct virt_ops *virt = &ops;

static struct vcpu ask(uint32_t leaf, uint32_t sub)
{
	struct vcpu vcpu = { 0 };

	vcpu.gpr[RAX] = leaf;
	vcpu.gpr[RCX] = sub;
	cpuid_emulate(&vcpu);
	return vcpu;
}

/* Nothing that lets a CPU ignore bits of a pointer, or gives a pointer more of them. */
static void test_r1_pointers_have_48_bits(void **state)
{
	(void)state;
	assert_int_equal(ask(7, 0).gpr[RCX] & BIT(16), 0);         /* LA57 */
	assert_int_equal(ask(7, 1).gpr[RAX] & BIT(26), 0);         /* LAM */
	assert_int_equal(ask(0x80000021, 0).gpr[RAX] & BIT(7), 0); /* UAI */
	assert_int_equal(ask(7, 0).gpr[RAX], 0xffffffff);          /* the rest is the CPU's */
	assert_int_equal(ask(7, 1).gpr[RCX], 0xffffffff);
}

static void test_no_address_space_tags(void **state)
{
	(void)state;
	assert_int_equal(ask(1, 0).gpr[RCX] & BIT(17), 0); /* PCID */
	assert_int_equal(ask(7, 0).gpr[RBX] & BIT(10), 0); /* INVPCID */
}

static void test_no_virtualization_inside(void **state)
{
	(void)state;
	assert_int_equal(ask(1, 0).gpr[RCX] & BIT(5), 0);          /* VMX */
	assert_int_equal(ask(0x80000001, 0).gpr[RCX] & BIT(2), 0); /* SVM */
	assert_int_equal(ask(0x8000000a, 0).gpr[RAX], 0);
}

/* A vendor's own list: of one sub-leaf or of all, and what is emulated is there all the same. */
static void test_vendors_list(void **state)
{
	(void)state;
	assert_int_equal(ask(4, 0).gpr[RAX], 0x3fff);
	assert_int_equal(ask(4, 3).gpr[RAX], 0x3fff);
	assert_int_equal(ask(4, 3).gpr[RBX], 0xffffffff);
	assert_int_equal(ask(6, 0).gpr[RAX], BIT(2)); /* ARAT */
	assert_int_equal(ask(6, 0).gpr[RCX], 0);
	assert_int_equal(ask(13, 1).gpr[RAX], 0xfffffff7);
	assert_int_equal(ask(13, 0).gpr[RAX], 0xffffffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_r1_pointers_have_48_bits),
		cmocka_unit_test(test_no_address_space_tags),
		cmocka_unit_test(test_no_virtualization_inside),
		cmocka_unit_test(test_vendors_list),
	};

	return cmocka_run_group_tests_name("cpuid", tests, NULL, NULL);
}
