/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which CPUs have which erratum, and that only those, on hardware, are written to. */
#include "cpu/errata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/x86.h"
#include "debug/log.h"

#define DC_CFG   0xc0011022
#define INT_PEND 0xc0010055
#define LS_CFG   0xc0011020
#define DE_CFG   0xc0011029
#define OSVW_LEN 0xc0010140
#define OSVW     0xc0010141
#define PATCH    0x8b

static uint32_t signature;
static bool amd, emulated, has_osvw, obeys;
static struct {
	uint32_t msr;
	uint64_t val;
} msrs[] = { { DC_CFG, 0 },   { INT_PEND, 0 }, { LS_CFG, 0 }, { DE_CFG, 0 },
	     { OSVW_LEN, 0 }, { OSVW, 0 },     { PATCH, 0 } };
static unsigned int writes, infos, warnings;
static char last[200];

struct cpuid_regs cpuid(uint32_t leaf, uint32_t sub)
{
	(void)sub;
	if (leaf == 0)
		return (struct cpuid_regs){ .ebx = amd ? 0x68747541 : 0x756e6547 };
	if (leaf == 1)
		return (struct cpuid_regs){ .eax = signature, .ecx = emulated ? BIT(31) : 0 };
	if (leaf == 0x80000000)
		return (struct cpuid_regs){ .eax = 0x8000000a };
	return (struct cpuid_regs){ .ecx = has_osvw ? BIT(9) : 0 };
}

static uint64_t *msr_at(uint32_t msr)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++)
		if (msrs[i].msr == msr)
			return &msrs[i].val;
	fail_msg("msr %x is not there", msr);
	return NULL;
}

uint64_t rdmsr(uint32_t msr)
{
	assert_true(amd && !emulated);
	assert_true(has_osvw || (msr != OSVW && msr != OSVW_LEN));
	return *msr_at(msr);
}

void wrmsr(uint32_t msr, uint64_t val)
{
	writes++;
	if (obeys)
		*msr_at(msr) = val;
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(last, sizeof(last), fmt, ap);
	va_end(ap);
	infos++;
}

void log_warn(const char *fmt, ...)
{
	(void)fmt;
	warnings++;
}

static int begin(void **state)
{
	(void)state;
	amd = obeys = true;
	emulated = has_osvw = false;
	for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++)
		msrs[i].val = 0;
	writes = infos = warnings = 0;
	last[0] = 0;
	return 0;
}

/* CPUID 1 EAX. */
static void cpu(unsigned int family, unsigned int model, unsigned int stepping)
{
	signature = stepping | (model & 0xf) << 4 | (model >> 4) << 16 |
		    (family < 0xf ? family << 8 : 0xf00 | (family - 0xf) << 20);
}

static unsigned int present(void)
{
	infos = 0;
	errata_print();
	assert_int_equal(writes, 0);
	return infos;
}

static void test_models_and_steppings(void **state)
{
	static const struct {
		unsigned int family, model, stepping, errata;
	} cpus[] = {
		{ 0x0f, 0x41, 1, 0 }, { 0x0f, 0x41, 2, 1 }, { 0x0f, 0x7f, 0, 1 }, /* 400 */
		{ 0x10, 0x02, 0, 1 }, { 0x10, 0x02, 1, 2 }, { 0x10, 0x0a, 0, 2 }, /* 383, 400 */
		{ 0x11, 0x03, 1, 0 }, { 0x15, 0x01, 2, 0 }, { 0x16, 0x00, 1, 1 }, /* 793 */
		{ 0x16, 0x10, 0, 0 }, { 0x17, 0x01, 2, 0 }, { 0x17, 0x18, 1, 0 },
		{ 0x17, 0x31, 0, 1 }, { 0x17, 0x47, 0, 1 }, { 0x17, 0x60, 1, 1 }, /* Zenbleed */
		{ 0x17, 0x71, 0, 1 }, { 0x17, 0x90, 0, 1 }, { 0x17, 0xa0, 0, 1 },
		{ 0x19, 0x31, 0, 0 }, { 0x06, 0x3c, 3, 0 },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cpus); i++) {
		cpu(cpus[i].family, cpus[i].model, cpus[i].stepping);
		msrs[1].val = BIT(27);
		if (present() != cpus[i].errata)
			fail_msg("family %x model %x stepping %x has %u", cpus[i].family,
				 cpus[i].model, cpus[i].stepping, infos);
	}
}

/* The CPU itself knows better than its model. */
static void test_osvw(void **state)
{
	(void)state;
	cpu(0x10, 4, 2);
	has_osvw = true;
	*msr_at(OSVW_LEN) = 4;
	assert_int_equal(present(), 0);
	*msr_at(OSVW) = BIT(1);
	assert_int_equal(present(), 1);
	*msr_at(OSVW) = BIT(3);
	assert_int_equal(present(), 1);
	*msr_at(OSVW_LEN) = 3; /* of 383 it says nothing */
	*msr_at(OSVW) = 0;
	assert_int_equal(present(), 1);
	*msr_at(OSVW_LEN) = 0;
	assert_int_equal(present(), 2);
}

static void test_microcode(void **state)
{
	(void)state;
	cpu(0x17, 0x31, 0);
	*msr_at(PATCH) = 0x0830107a;
	assert_int_equal(present(), 1);
	*msr_at(PATCH) = 0x0830107b;
	assert_int_equal(present(), 0);
	cpu(0x17, 0x90, 0); /* there is none for that */
	assert_int_equal(present(), 1);
}

static void test_bits_are_set_and_cleared(void **state)
{
	(void)state;
	cpu(0x10, 4, 2);
	*msr_at(DC_CFG) = 1;
	*msr_at(INT_PEND) = BIT(27) | BIT(28) | 1;
	errata_fix();
	assert_int_equal(*msr_at(DC_CFG), BIT(47) | 1);
	assert_int_equal(*msr_at(INT_PEND), 1);
	assert_int_equal(writes, 2);
	assert_int_equal(infos, 2);
	errata_fix(); /* again: it is as it should be */
	assert_int_equal(writes, 2);
	assert_int_equal(warnings, 0);
	writes = 0;
	assert_int_equal(present(), 2);
	assert_non_null(strstr(last, "check: ok "));
}

static void test_what_does_not_take_it(void **state)
{
	(void)state;
	cpu(0x17, 0x31, 0);
	obeys = false;
	errata_fix();
	assert_int_equal(warnings, 1);
	writes = 0;
	assert_int_equal(present(), 1);
	assert_non_null(strstr(last, "check: to fix "));
}

/* rdmsr() would end the test. */
static void test_no_hardware_or_no_amd(void **state)
{
	(void)state;
	cpu(0x10, 4, 2);
	emulated = true;
	assert_int_equal(present(), 0);
	errata_fix();
	emulated = false;
	amd = false;
	assert_int_equal(present(), 0);
	errata_fix();
	assert_int_equal(writes + infos + warnings, 0);
}

#define CASE(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_models_and_steppings),
		CASE(test_osvw),
		CASE(test_microcode),
		CASE(test_bits_are_set_and_cleared),
		CASE(test_what_does_not_take_it),
		CASE(test_no_hardware_or_no_amd),
	};

	return cmocka_run_group_tests_name("errata", tests, NULL, NULL);
}
