/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of errata. */
#include "cpu/errata.h"

#include "cpu/x86.h"
#include "debug/log.h"

#define MSR_MICROCODE   0x8b /* its revision */
#define MSR_OSVW_LENGTH 0xc0010140
#define MSR_OSVW_STATUS 0xc0010141
#define OSVW            BIT(9)  /* CPUID 80000001 ECX: those two say which errata the CPU has */
#define HYPERVISOR      BIT(31) /* CPUID 1 ECX */
#define NO_OSVW         -1
#define ERRATUM_MODELS  7

/* Models and steppings from the first to the last one. */
struct models {
	uint8_t family, first, first_stepping, last;
	uint32_t good_microcode; /* from that revision on it is fixed; 0: by none */
};

struct erratum {
	const char *name, *effect;
	struct models models[ERRATUM_MODELS];
	int osvw; /* its number there, or NO_OSVW */
	uint32_t msr;
	uint64_t set, clear;
};

struct model {
	uint8_t family, model, stepping;
};

static const struct erratum errata[] = {
	{ "383 (AMD 41322)", "nested page tables may lead to a machine check",
	  .models = { { 0x10, 0, 0, 0xff, 0 } }, .osvw = 3, .msr = 0xc0011022, /* DC_CFG */
	  .set = BIT(47) },
	{ "400 (AMD 41322, 33610)", "the APIC's timer stands still while the CPU is in C1E",
	  .models = { { 0x0f, 0x41, 2, 0xff, 0 }, { 0x10, 2, 1, 0xff, 0 } }, .osvw = 1,
	  .msr = 0xc0010055, /* interrupt pending and CMP-halt: C1E by SMI or by itself */
	  .clear = BIT(27) | BIT(28) },
	{ "793 (AMD 51810)", "a locked instruction beside write-combined memory may hang the CPU",
	  .models = { { 0x16, 0, 0, 0xf, 0 } }, .osvw = NO_OSVW, .msr = 0xc0011020, /* LS_CFG */
	  .set = BIT(15) },
	{ "Zenbleed (AMD-SB-7008)", "a VM may read others' vector registers",
	  .models = { { 0x17, 0x30, 0, 0x3f, 0x0830107b },
		      { 0x17, 0x40, 0, 0x4f, 0 },
		      { 0x17, 0x60, 0, 0x67, 0x0860010b },
		      { 0x17, 0x68, 0, 0x6f, 0x08608105 },
		      { 0x17, 0x70, 0, 0x7f, 0x08701032 },
		      { 0x17, 0x90, 0, 0x91, 0 },
		      { 0x17, 0xa0, 0, 0xaf, 0x08a00008 } },
	  .osvw = NO_OSVW, .msr = 0xc0011029, /* DE_CFG */
	  .set = BIT(9) },
};

/* CPUID 1 EAX; all of these are AMD's. False: another vendor, or no hardware. */
static bool read_model(struct model *m)
{
	struct cpuid_regs vendor = cpuid(0, 0), r = cpuid(1, 0);

	if (vendor.ebx != 0x68747541 /* "Auth" */ || (r.ecx & HYPERVISOR))
		return false;
	m->family = r.eax >> 8 & 0xf;
	m->model = r.eax >> 4 & 0xf;
	m->stepping = r.eax & 0xf;
	if (m->family == 0xf) {
		m->family += r.eax >> 20 & 0xff;
		m->model |= r.eax >> 12 & 0xf0;
	}
	return true;
}

static bool matches(const struct models *range, const struct model *m)
{
	if (range->family != m->family || m->model < range->first || m->model > range->last)
		return false;
	return m->model > range->first || m->stepping >= range->first_stepping;
}

/* 1 or 0: the CPU says whether it has it; -1: it does not know that number. */
static int told_by_osvw(int number)
{
	if (number == NO_OSVW || cpuid(0x80000000, 0).eax < 0x80000001 ||
	    !(cpuid(0x80000001, 0).ecx & OSVW) || (uint64_t)number >= rdmsr(MSR_OSVW_LENGTH))
		return -1;
	return rdmsr(MSR_OSVW_STATUS) >> number & 1;
}

static bool is_present(const struct erratum *e, const struct model *m)
{
	for (unsigned int i = 0; i < ERRATUM_MODELS; i++) {
		const struct models *range = &e->models[i];
		int told;

		if (!range->family || !matches(range, m))
			continue;
		if (range->good_microcode)
			return (uint32_t)rdmsr(MSR_MICROCODE) < range->good_microcode;
		told = told_by_osvw(e->osvw);
		return told < 0 || told;
	}
	return false;
}

static bool is_worked_around(const struct erratum *e)
{
	uint64_t val = rdmsr(e->msr);

	return (val & e->set) == e->set && !(val & e->clear);
}

void errata_print(void)
{
	struct model m;

	if (!read_model(&m))
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(errata); i++)
		if (is_present(&errata[i], &m))
			log_info("check: %-8s erratum %s: %s (msr %x)",
				 is_worked_around(&errata[i]) ? "ok" : "to fix", errata[i].name,
				 errata[i].effect, errata[i].msr);
}

static void fix(const struct erratum *e)
{
	if (is_worked_around(e))
		return;
	wrmsr(e->msr, (rdmsr(e->msr) | e->set) & ~e->clear);
	if (is_worked_around(e))
		log_info("erratum %s worked around by msr %x", e->name, e->msr);
	else
		log_warn("erratum %s: msr %x does not take the workaround: %s", e->name, e->msr,
			 e->effect);
}

void errata_fix(void)
{
	struct model m;

	if (!read_model(&m))
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(errata); i++)
		if (is_present(&errata[i], &m))
			fix(&errata[i]);
}
