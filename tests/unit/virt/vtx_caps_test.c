/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which CPUs VT-x is used on, and with which controls: a Haswell, and what may be missing of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cpu/x86.h"
#include "lib/errno.h"
#include "virt/vmcs.h"
#include "virt/vtx_caps.h"

#define MSRS 0x500

static bool has_vmx;
static uint64_t msr[MSRS];

struct cpuid_regs cpuid(uint32_t leaf, uint32_t sub)
{
	assert_int_equal(leaf, 1);
	assert_int_equal(sub, 0);
	return (struct cpuid_regs){ .ecx = has_vmx ? BIT(5) : ~BIT(5) };
}

/* Reading one that is not there is #GP. */
uint64_t rdmsr(uint32_t m)
{
	assert_true(m < MSRS && has_vmx);
	assert_true(m == MSR_FEATURE_CONTROL || msr[m]);
	return msr[m];
}

/* Of a Core i7 4770. */
static int setup(void **state)
{
	(void)state;
	has_vmx = true;
	msr[MSR_FEATURE_CONTROL] = FEATURE_LOCKED | FEATURE_VMXON;
	msr[MSR_VMX_BASIC] = 0x00d810000000002b;
	msr[0x481] = 0x0000007f00000016;
	msr[0x482] = 0xf7f9fffe0401e172;
	msr[0x483] = 0x007fffff00036dff;
	msr[0x484] = 0x0000ffff000011ff;
	msr[0x48d] = 0x0000007f00000016;
	msr[0x48e] = 0xf7f9fffe04006172;
	msr[0x48f] = 0x007fffff00036dfb;
	msr[0x490] = 0x0000ffff000011fb;
	msr[MSR_VMX_PROC2] = 0x00047fff00000000;
	msr[MSR_VMX_EPT_VPID] = 0x00000f0106334141;
	return 0;
}

static void refuse_high(uint32_t m, uint64_t bits)
{
	msr[m] &= ~(bits << 32);
}

static void assert_refused(const char *reason)
{
	struct vtx_controls c;
	const char *why;

	assert_int_equal(vtx_choose(&c, &why), -ENODEV);
	assert_string_equal(why, reason);
}

static void test_adjust(void **state)
{
	(void)state;
	assert_int_equal(vtx_adjust(0x000000ff00000016, 0x01), 0x17);
	assert_int_equal(vtx_adjust(0x0000001f00000016, 0x20), 0x16); /* not to be had */
}

static void test_controls_of_a_whole_one(void **state)
{
	struct vtx_controls c;
	const char *why;

	(void)state;
	assert_int_equal(vtx_choose(&c, &why), 0);
	assert_int_equal(c.pin, 0x7f);
	assert_int_equal(c.proc, 0xb61865f2);
	assert_int_equal(c.proc2, 0xaa);
	assert_int_equal(c.exit, 0x3f6fff);
	assert_int_equal(c.entry, 0xd1ff);
}

/* Tags and the timer are used where they are. */
static void test_what_may_be_missing(void **state)
{
	struct vtx_controls c;
	const char *why;

	(void)state;
	refuse_high(0x48d, PIN_TIMER);
	refuse_high(MSR_VMX_PROC2, PROC2_VPID);
	assert_int_equal(vtx_choose(&c, &why), 0);
	assert_int_equal(c.pin & PIN_TIMER, 0);
	assert_int_equal(c.proc2 & PROC2_VPID, 0);
}

static void test_no_vtx(void **state)
{
	(void)state;
	has_vmx = false;
	assert_refused("the CPU has no VT-x");
}

static void test_firmware(void **state)
{
	struct vtx_controls c;
	const char *why;

	(void)state;
	msr[MSR_FEATURE_CONTROL] = FEATURE_LOCKED;
	assert_refused("VT-x is switched off by the firmware (IA32_FEATURE_CONTROL is locked)");
	msr[MSR_FEATURE_CONTROL] = FEATURE_LOCKED | BIT(1); /* inside SMX alone */
	assert_refused("VT-x is switched off by the firmware (IA32_FEATURE_CONTROL is locked)");
	msr[MSR_FEATURE_CONTROL] = 0; /* it will be set */
	assert_int_equal(vtx_choose(&c, &why), 0);
}

static void test_no_ept(void **state)
{
	(void)state;
	refuse_high(MSR_VMX_PROC2, PROC2_EPT);
	assert_refused("VT-x without extended page tables (EPT)");
	setup(NULL);
	refuse_high(0x48e, PROC_SECONDARY);
	msr[MSR_VMX_PROC2] = 0; /* is not there, and is not read */
	assert_refused("VT-x without extended page tables (EPT)");
}

static void test_ept_that_is_not_enough(void **state)
{
	const uint64_t needed[] = { EPT_CAP_FOUR_LEVELS, EPT_CAP_WRITE_BACK, EPT_CAP_2M,
				    EPT_CAP_INVEPT, EPT_CAP_INVEPT_CONTEXT | EPT_CAP_INVEPT_ALL };
	struct vtx_controls c;
	const char *why;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(needed); i++) {
		setup(NULL);
		msr[MSR_VMX_EPT_VPID] &= ~needed[i];
		assert_refused("VT-x whose EPT has no 2 MiB pages, write-back tables or INVEPT");
	}
	setup(NULL);
	msr[MSR_VMX_EPT_VPID] &= ~EPT_CAP_INVEPT_CONTEXT;
	assert_int_equal(vtx_choose(&c, &why), 0);
}

static void test_other_things_missing(void **state)
{
	(void)state;
	refuse_high(MSR_VMX_PROC2, PROC2_UNRESTRICTED);
	assert_refused("VT-x without unrestricted guests");
	setup(NULL);
	refuse_high(0x48d, PIN_VIRTUAL_NMI);
	assert_refused("VT-x without virtual NMIs");
	setup(NULL);
	refuse_high(0x48f, EXIT_LOAD_EFER);
	assert_refused("VT-x that does not switch PAT and EFER");
	setup(NULL);
	refuse_high(0x490, ENTRY_LOAD_PAT);
	assert_refused("VT-x that does not switch PAT and EFER");
}

/* Without the exact capabilities the CPU insists on exits at CR3, which nothing here handles. */
static void test_old_one(void **state)
{
	(void)state;
	msr[MSR_VMX_BASIC] &= ~VMX_BASIC_TRUE;
	assert_refused("VT-x that ends a run at each access to CR3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_adjust, setup),
		cmocka_unit_test_setup(test_controls_of_a_whole_one, setup),
		cmocka_unit_test_setup(test_what_may_be_missing, setup),
		cmocka_unit_test_setup(test_no_vtx, setup),
		cmocka_unit_test_setup(test_firmware, setup),
		cmocka_unit_test_setup(test_no_ept, setup),
		cmocka_unit_test_setup(test_ept_that_is_not_enough, setup),
		cmocka_unit_test_setup(test_other_things_missing, setup),
		cmocka_unit_test_setup(test_old_one, setup),
	};

	return cmocka_run_group_tests_name("vtx_caps", tests, NULL, NULL);
}
