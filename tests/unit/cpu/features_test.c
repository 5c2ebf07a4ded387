/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the table says of CPUs that have all, lack one thing, or were locked by the firmware. */
#include "cpu/features.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/x86.h"
#include "debug/log.h"

#define LOG_MAX 8192

static struct cpuid_regs leaf[3], ext[11]; /* 0, 1, 6; 80000000 .. 8000000a */
static uint64_t pat, vm_cr, feature_control, vmx_proc, vmx_proc2;
static bool has_vm_cr, has_feature_control;
static char text[LOG_MAX];
static jmp_buf failed;

struct cpuid_regs cpuid(uint32_t n, uint32_t sub)
{
	(void)sub;
	if (n >= 0x80000000)
		return n - 0x80000000 < 11 ? ext[n - 0x80000000]
					   : (struct cpuid_regs){ ~0U, ~0U, ~0U, ~0U };
	if (n > leaf[0].eax) /* as Intel's: the last leaf again */
		return (struct cpuid_regs){ ~0U, ~0U, ~0U, ~0U };
	return n < 2 ? leaf[n] : n == 6 ? leaf[2] : (struct cpuid_regs){ 0 };
}

/* One that is not there would be a fault. */
uint64_t rdmsr(uint32_t msr)
{
	if (msr == MSR_PAT) {
		assert_true(leaf[1].edx & BIT(16));
		return pat;
	}
	if (msr == 0xc0010114) {
		assert_true(has_vm_cr);
		return vm_cr;
	}
	assert_true(has_feature_control); /* the others are where VT-x is */
	if (msr == 0x3a)
		return feature_control;
	if (msr == 0x482)
		return vmx_proc;
	assert_true(msr == 0x48b && vmx_proc >> 63);
	return vmx_proc2;
}

static void add(const char *fmt, va_list ap)
{
	size_t n = strlen(text);

	vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	strncat(text, "\n", sizeof(text) - strlen(text) - 1);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(fmt, ap);
	va_end(ap);
}

void boot_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(fmt, ap);
	va_end(ap);
	longjmp(failed, 1);
}

size_t strlcpy(char *dst, const char *src, size_t size)
{
	snprintf(dst, size, "%s", src);
	return strlen(src);
}

static void vendor(const char *name)
{
	memcpy(&leaf[0].ebx, name, 4);
	memcpy(&leaf[0].edx, name + 4, 4);
	memcpy(&leaf[0].ecx, name + 8, 4);
}

/* Each test begins with an AMD CPU that has all. */
static int begin(void **state)
{
	(void)state;
	memset(leaf, 0xff, sizeof(leaf));
	memset(ext, 0xff, sizeof(ext));
	leaf[0].eax = 13;
	leaf[1].ecx &= ~BIT(5); /* VMX */
	ext[0].eax = 0x8000000a;
	vendor("AuthenticAMD");
	vm_cr = feature_control = 0;
	pat = 0x0007040600070406;
	has_vm_cr = true;
	has_feature_control = false;
	text[0] = 0;
	return 0;
}

static void become_intel(void)
{
	vendor("GenuineIntel");
	ext[0].eax = 0x80000008;
	ext[1].ecx &= ~BIT(2); /* SVM */
	leaf[1].ecx |= BIT(5);
	has_vm_cr = false;
	has_feature_control = true;
	vmx_proc = vmx_proc2 = ~0UL << 32;
}

/* The line of one name has that word in front. */
static void expect(const char *word, const char *name)
{
	char head[80];

	text[0] = 0;
	features_print();
	snprintf(head, sizeof(head), "check: %-8s %-16s ", word, name);
	if (!strstr(text, head))
		fail_msg("no '%s' in\n%s", head, text);
}

static bool boots(void)
{
	text[0] = 0;
	if (setjmp(failed))
		return false;
	features_require();
	return true;
}

static void test_all_there(void **state)
{
	(void)state;
	assert_int_equal(features_print(), 0);
	assert_null(strstr(text, "missing"));
	assert_null(strstr(text, "optional"));
	assert_null(strstr(text, "VT-x"));
	expect("ok", "AMD-V");
	expect("ok", "nested paging");
	assert_true(boots());
}

/* The names of all of them, and the boot ends once. */
static void test_every_missing_one_is_named(void **state)
{
	(void)state;
	leaf[1].edx &= ~(BIT(9) | BIT(16));
	ext[10].edx &= ~BIT(0);
	assert_int_equal(features_print(), 4);
	expect("missing", "APIC");
	expect("missing", "PAT");
	expect("missing", "PAT's entries");
	expect("missing", "nested paging");
	expect("ok", "AMD-V");
	assert_false(boots());
	assert_non_null(strstr(text, "APIC (cpuid 1.edx[9])"));
	assert_non_null(strstr(text, "PAT (cpuid 1.edx[16])"));
	assert_non_null(strstr(text, "nested paging (cpuid 8000000a.edx[0])"));
	assert_null(strstr(text, "AMD-V"));
}

/* Whoever booted before may have changed it; other entries are nobody's. */
static void test_pat(void **state)
{
	(void)state;
	pat = 0x0007010500070406; /* as Linux leaves it */
	expect("ok", "PAT's entries");
	pat = 0x0007040600070404;
	expect("missing", "PAT's entries");
	pat = 0x0007040601070406;
	expect("missing", "PAT's entries");
	assert_false(boots());
	assert_non_null(strstr(text, "PAT's entries (msr 277[0,3])"));
}

static void test_optional_ones_are_not_needed(void **state)
{
	(void)state;
	leaf[1].ecx &= ~(BIT(21) | BIT(26));
	ext[7].edx = 0;
	ext[10].edx = BIT(0);
	ext[10].ebx = 16;
	assert_int_equal(features_print(), 0);
	expect("optional", "XSAVE");
	expect("optional", "x2APIC");
	expect("optional", "invariant TSC");
	expect("optional", "ASIDs");
	expect("optional", "decode assists");
	assert_true(boots());
}

static void test_amdv_locked_by_the_firmware(void **state)
{
	(void)state;
	vm_cr = BIT(4) | BIT(3);
	assert_int_equal(features_print(), 1);
	expect("locked", "AMD-V's switch");
	expect("ok", "AMD-V");
	assert_false(boots());
	assert_non_null(
		strstr(text, "AMD-V's switch (msr c0010114[4]: switched off by the firmware)"));
}

/* Without AMD-V its register is not read: that would be a fault. */
static void test_no_amdv(void **state)
{
	(void)state;
	ext[1].ecx &= ~BIT(2);
	has_vm_cr = false;
	assert_int_equal(features_print(), 2);
	expect("missing", "AMD-V");
	expect("missing", "AMD-V's switch");
	assert_false(boots());
}

/* What a CPU says of a leaf that it does not have counts for nothing. */
static void test_leaf_behind_the_last_one(void **state)
{
	(void)state;
	ext[0].eax = 0x80000001;
	assert_int_equal(features_print(), 1);
	expect("missing", "nested paging");
	expect("optional", "invariant TSC");
	leaf[0].eax = 1;
	expect("optional", "ARAT");
	leaf[0].eax = 0;
	expect("missing", "TSC");
	ext[0].eax = 0;
	expect("missing", "NX");
}

static void test_vtx(void **state)
{
	(void)state;
	become_intel();
	feature_control = BIT(0) | BIT(2);
	assert_int_equal(features_print(), 0);
	expect("ok", "VT-x");
	expect("ok", "VT-x's switch");
	assert_null(strstr(text, "AMD-V"));
	feature_control = 0; /* nobody has locked it yet */
	expect("ok", "VT-x's switch");
	feature_control = BIT(0) | BIT(1); /* in SMX alone */
	expect("locked", "VT-x's switch");
	assert_false(boots());
	assert_non_null(strstr(text, "VT-x's switch (msr 3a[0,2]: switched off by the firmware)"));
	leaf[1].ecx &= ~BIT(5);
	has_feature_control = false;
	expect("missing", "VT-x");
	assert_false(boots());
}

static void test_controls_of_vtx(void **state)
{
	(void)state;
	become_intel();
	assert_true(boots());
	expect("ok", "EPT");
	vmx_proc2 &= ~BIT(39);
	expect("ok", "EPT");
	expect("missing", "unrestricted guests");
	assert_false(boots());
	assert_non_null(strstr(text, "it lacks unrestricted guests (msr 48b[39])"));
	vmx_proc2 &= ~BIT(33);
	expect("missing", "EPT");
	vmx_proc2 = ~0UL << 32;
	vmx_proc &= ~BIT(63); /* no such controls at all */
	expect("missing", "EPT");
	expect("missing", "unrestricted guests");
}

static void test_says_what_cpu(void **state)
{
	(void)state;
	leaf[1].eax = 0x800f12;
	features_print();
	assert_non_null(strstr(text, "CPU AuthenticAMD, signature 800f12, of an emulator"));
	leaf[1].ecx &= ~BIT(31);
	text[0] = 0;
	features_print();
	assert_non_null(strstr(text, "signature 800f12\n"));
}

#define CASE(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_all_there),
		CASE(test_every_missing_one_is_named),
		CASE(test_pat),
		CASE(test_optional_ones_are_not_needed),
		CASE(test_amdv_locked_by_the_firmware),
		CASE(test_no_amdv),
		CASE(test_leaf_behind_the_last_one),
		CASE(test_vtx),
		CASE(test_controls_of_vtx),
		CASE(test_says_what_cpu),
	};

	return cmocka_run_group_tests_name("features", tests, NULL, NULL);
}
