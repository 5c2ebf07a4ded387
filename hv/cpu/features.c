/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of features. */
#include "cpu/features.h"

#include "cpu/x86.h"
#include "debug/log.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vm/vm.h"

#define EXTENDED            0x80000000U /* the leaf that names the last of these */
#define PAT                 BIT(16)     /* CPUID 1 EDX */
#define SVM                 BIT(2)      /* CPUID 80000001 ECX */
#define VMX                 BIT(5)      /* CPUID 1 ECX */
#define AMDV_LEAF           0x8000000a
#define PAT_WB              6
#define PAT_UC              0
#define MSR_VM_CR           0xc0010114
#define VM_CR_SVMDIS        BIT(4)
#define MSR_FEATURE_CONTROL 0x3a
#define MSR_VMX_PROC        0x482
#define MSR_VMX_PROC2       0x48b
#define VMX_SECONDARY       BIT(31)
#define VMX_EPT             BIT(1)
#define VMX_UNRESTRICTED    BIT(7)
#define FEATURE_LOCKED      BIT(0)
#define FEATURE_VMX         BIT(2) /* outside of SMX */

enum state { OK, MISSING, LOCKED };
enum reg { EAX, EBX, ECX, EDX };
enum need { NEEDED, OPTIONAL };

struct feature {
	const char *name, *what_for;
	enum need need;
	/* One bit of CPUID ... */
	uint32_t leaf;
	enum reg reg;
	uint8_t bit;
	/* ... or a look of its own, with its source in words. */
	enum state (*look)(void);
	const char *source;
};

struct table {
	const struct feature *row;
	unsigned int rows;
};

/* A leaf behind the last one gives what it likes: zeros, then. */
static struct cpuid_regs leaf_of(uint32_t leaf)
{
	if (leaf > cpuid(leaf & EXTENDED, 0).eax)
		return (struct cpuid_regs){ 0 };
	return cpuid(leaf, 0);
}

static bool has_bit(uint32_t leaf, enum reg reg, uint8_t bit)
{
	struct cpuid_regs r = leaf_of(leaf);
	uint32_t value[] = { r.eax, r.ebx, r.ecx, r.edx };

	return value[reg] >> bit & 1;
}

static bool has_amdv(void)
{
	return leaf_of(0x80000001).ecx & SVM;
}

static bool has_vmx(void)
{
	return leaf_of(1).ecx & VMX;
}

/* Page tables use two of its entries as a reset leaves them: 0 for RAM, 3 for registers. */
static enum state pat_entries(void)
{
	uint64_t pat;

	if (!(leaf_of(1).edx & PAT))
		return MISSING;
	pat = rdmsr(MSR_PAT);
	return (pat & 7) == PAT_WB && (pat >> 24 & 7) == PAT_UC ? OK : MISSING;
}

/* The MSR is there where AMD-V is. */
static enum state amdv_switch(void)
{
	if (!has_amdv())
		return MISSING;
	return rdmsr(MSR_VM_CR) & VM_CR_SVMDIS ? LOCKED : OK;
}

/* Each VM has an address space identifier of its own, from 1 on. */
static enum state amdv_asids(void)
{
	return leaf_of(AMDV_LEAF).ebx > VM_MAX ? OK : MISSING;
}

/* Unlocked is as good: whoever switches VT-x on may lock it then. */
static enum state vmx_switch(void)
{
	uint64_t control;

	if (!has_vmx())
		return MISSING;
	control = rdmsr(MSR_FEATURE_CONTROL);
	return (control & FEATURE_LOCKED) && !(control & FEATURE_VMX) ? LOCKED : OK;
}

/* Of the secondary controls, which have an MSR only where there are any. */
static bool vmx_allows(uint64_t control)
{
	return has_vmx() && rdmsr(MSR_VMX_PROC) >> 32 & VMX_SECONDARY &&
	       rdmsr(MSR_VMX_PROC2) >> 32 & control;
}

static enum state vmx_ept(void)
{
	return vmx_allows(VMX_EPT) ? OK : MISSING;
}

static enum state vmx_unrestricted(void)
{
	return vmx_allows(VMX_UNRESTRICTED) ? OK : MISSING;
}

#define CPUID_BIT(leaf_, reg_, bit_) .leaf = (leaf_), .reg = (reg_), .bit = (bit_)

static const struct feature any[] = {
	{ "TSC", "all clocks", NEEDED, CPUID_BIT(1, EDX, 4) },
	{ "APIC", "timer and interrupts", NEEDED, CPUID_BIT(1, EDX, 9) },
	{ "PAT", "the cache types of the driver VM's mappings", NEEDED, CPUID_BIT(1, EDX, 16) },
	{ "PAT's entries", "as after a reset: RAM is cached, registers are not", NEEDED,
	  .look = pat_entries, .source = "msr 277[0,3]" },
	{ "NX", "no page is both written and executed", NEEDED, CPUID_BIT(0x80000001, EDX, 20) },
	{ "MTRR", "the firmware's: registers of devices are not cached", OPTIONAL,
	  CPUID_BIT(1, EDX, 12) },
	{ "XSAVE", "VMs have vector registers beyond SSE", OPTIONAL, CPUID_BIT(1, ECX, 26) },
	{ "x2APIC", "used where the firmware left it on", OPTIONAL, CPUID_BIT(1, ECX, 21) },
	{ "invariant TSC", "clocks go on evenly, whatever the CPU saves", OPTIONAL,
	  CPUID_BIT(0x80000007, EDX, 8) },
	{ "ARAT", "the APIC's timer goes on while the CPU sleeps deeply", OPTIONAL,
	  CPUID_BIT(6, EAX, 2) },
};

static const struct feature amd[] = {
	{ "AMD-V", "VMs", NEEDED, CPUID_BIT(0x80000001, ECX, 2) },
	{ "AMD-V's switch", "the firmware allows it", NEEDED, .look = amdv_switch,
	  .source = "msr c0010114[4]" },
	{ "nested paging", "VMs' memory", NEEDED, CPUID_BIT(AMDV_LEAF, EDX, 0) },
	{ "ASIDs", "one for each of 24 VMs; with less, fewer VMs", OPTIONAL, .look = amdv_asids,
	  .source = "cpuid 8000000a.ebx" },
	{ "next RIP", "not used yet: lengths of instructions", OPTIONAL,
	  CPUID_BIT(AMDV_LEAF, EDX, 3) },
	{ "VMCB clean bits", "not used yet: cheaper entries", OPTIONAL,
	  CPUID_BIT(AMDV_LEAF, EDX, 5) },
	{ "flush by ASID", "not used yet: the whole TLB is flushed", OPTIONAL,
	  CPUID_BIT(AMDV_LEAF, EDX, 6) },
	{ "decode assists", "not used yet: instructions are read from the VM's memory", OPTIONAL,
	  CPUID_BIT(AMDV_LEAF, EDX, 7) },
};

static const struct feature intel[] = {
	{ "VT-x", "VMs", NEEDED, CPUID_BIT(1, ECX, 5) },
	{ "VT-x's switch", "the firmware allows it", NEEDED, .look = vmx_switch,
	  .source = "msr 3a[0,2]" },
	{ "EPT", "VMs' memory", NEEDED, .look = vmx_ept, .source = "msr 48b[33]" },
	{ "unrestricted guests", "VMs start without paging", NEEDED, .look = vmx_unrestricted,
	  .source = "msr 48b[39]" },
};

#define TABLE(rows_) ((struct table){ rows_, ARRAY_SIZE(rows_) })

static void vendor_name(char name[13])
{
	struct cpuid_regs r = cpuid(0, 0);

	memcpy(name, &r.ebx, 4);
	memcpy(name + 4, &r.edx, 4);
	memcpy(name + 8, &r.ecx, 4);
	name[12] = 0;
}

/* A CPU that has neither extension lacks its vendor's. */
static struct table vendors(void)
{
	char name[13];

	vendor_name(name);
	if (has_amdv() || strcmp(name, "AuthenticAMD") == 0 || strcmp(name, "HygonGenuine") == 0)
		return TABLE(amd);
	return TABLE(intel);
}

static enum state state_of(const struct feature *f)
{
	if (f->look)
		return f->look();
	return has_bit(f->leaf, f->reg, f->bit) ? OK : MISSING;
}

static bool lacks(const struct feature *f)
{
	return f->need == NEEDED && state_of(f) != OK;
}

static void describe_source(const struct feature *f, char *text, size_t size)
{
	static const char *const regs[] = { "eax", "ebx", "ecx", "edx" };

	if (f->source)
		strlcpy(text, f->source, size);
	else
		snprintf(text, size, "cpuid %x.%s[%u]", f->leaf, regs[f->reg], f->bit);
}

static unsigned int print(struct table t)
{
	unsigned int lacking = 0;

	for (unsigned int i = 0; i < t.rows; i++) {
		const struct feature *f = &t.row[i];
		enum state s = state_of(f);
		char source[32];

		describe_source(f, source, sizeof(source));
		log_info("check: %-8s %-16s %-22s %s",
			 s == OK               ? "ok"
			 : f->need == OPTIONAL ? "optional"
			 : s == LOCKED         ? "locked"
					       : "missing",
			 f->name, source, f->what_for);
		lacking += lacks(f);
	}
	return lacking;
}

unsigned int features_print(void)
{
	struct cpuid_regs r = cpuid(1, 0);
	char name[13];
	unsigned int lacking;

	vendor_name(name);
	log_info("check: CPU %s, signature %x%s", name, r.eax,
		 r.ecx & BIT(31) ? ", of an emulator or hypervisor" : "");
	lacking = print(TABLE(any));
	return lacking + print(vendors());
}

/* Adds the names to a line of that size, from n on; returns its new length. */
static size_t add_lacking(struct table t, char *line, size_t size, size_t n)
{
	for (unsigned int i = 0; i < t.rows && n < size; i++) {
		const struct feature *f = &t.row[i];
		char source[32];

		if (!lacks(f))
			continue;
		describe_source(f, source, sizeof(source));
		n += snprintf(line + n, size - n, "%s%s (%s%s)", n ? ", " : "", f->name, source,
			      state_of(f) == LOCKED ? ": switched off by the firmware" : "");
	}
	return n;
}

void features_require(void)
{
	char line[300];
	size_t n = add_lacking(TABLE(any), line, sizeof(line), 0);

	n = add_lacking(vendors(), line, sizeof(line), n);
	if (n)
		boot_fail("this machine cannot host VMs: it lacks %s", line);
}
