/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virt/vtx_caps.h"

#include "cpu/x86.h"
#include "lib/errno.h"
#include "virt/vmcs.h"

#define L1_ECX_VMX BIT(5)

#define PIN_WANT (PIN_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMI)
#define PROC_WANT                                                                                 \
	(PROC_HLT | PROC_MWAIT | PROC_MONITOR | PROC_CR8_LOAD | PROC_CR8_STORE | PROC_IO_BITMAP | \
	 PROC_MSR_BITMAP | PROC_SECONDARY)
#define EXIT_WANT                                                                             \
	(EXIT_SAVE_DEBUG | EXIT_HOST_64BIT | EXIT_SAVE_PAT | EXIT_LOAD_PAT | EXIT_SAVE_EFER | \
	 EXIT_LOAD_EFER)
#define ENTRY_WANT (ENTRY_LOAD_DEBUG | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER)

/* Secondary controls that VMs cannot do without. */
static const struct {
	uint32_t bit;
	const char *why;
} needed2[] = {
	{ PROC2_EPT, "VT-x without extended page tables (EPT)" },
	{ PROC2_UNRESTRICTED, "VT-x without unrestricted guests" },
	{ PROC2_RDTSCP, "VT-x without RDTSCP in guests" },
};

enum { GROUP_PIN, GROUP_PROC, GROUP_EXIT, GROUP_ENTRY };

static uint64_t capability(unsigned int group)
{
	bool exact = rdmsr(MSR_VMX_BASIC) & VMX_BASIC_TRUE;

	return rdmsr((exact ? MSR_VMX_TRUE_CONTROLS : MSR_VMX_CONTROLS) + group);
}

/* The first reason stays. */
static void need(uint32_t got, uint32_t bits, const char *reason, const char **why)
{
	if ((got & bits) != bits && !*why)
		*why = reason;
}

static void choose2(struct vtx_controls *c, const char **why)
{
	uint32_t want = PROC2_VPID;

	for (unsigned int i = 0; i < ARRAY_SIZE(needed2); i++)
		want |= needed2[i].bit;
	c->proc2 = vtx_adjust(rdmsr(MSR_VMX_PROC2), want);
	for (unsigned int i = 0; i < ARRAY_SIZE(needed2); i++)
		need(c->proc2, needed2[i].bit, needed2[i].why, why);
}

static bool ept_is_complete(void)
{
	uint64_t cap = rdmsr(MSR_VMX_EPT_VPID);
	uint64_t all = EPT_CAP_FOUR_LEVELS | EPT_CAP_WRITE_BACK | EPT_CAP_2M | EPT_CAP_INVEPT;

	return (cap & all) == all && (cap & (EPT_CAP_INVEPT_CONTEXT | EPT_CAP_INVEPT_ALL));
}

static bool is_locked_off(void)
{
	return (rdmsr(MSR_FEATURE_CONTROL) & (FEATURE_LOCKED | FEATURE_VMXON)) == FEATURE_LOCKED;
}

int vtx_choose(struct vtx_controls *c, const char **why)
{
	*why = NULL;
	if (!(cpuid(1, 0).ecx & L1_ECX_VMX)) {
		*why = "the CPU has no VT-x";
		return -ENODEV;
	}
	if (is_locked_off()) {
		*why = "VT-x is switched off by the firmware (IA32_FEATURE_CONTROL is locked)";
		return -ENODEV;
	}
	c->proc = vtx_adjust(capability(GROUP_PROC), PROC_WANT);
	need(c->proc, PROC_WANT, needed2[0].why, why);
	if (!*why && (c->proc & PROC_CR3))
		*why = "VT-x that ends a run at each access to CR3";
	if (*why)
		return -ENODEV; /* without secondary controls there is no MSR of theirs */
	choose2(c, why);
	if (!*why && !ept_is_complete())
		*why = "VT-x whose EPT has no 2 MiB pages, write-back tables or INVEPT";
	c->pin = vtx_adjust(capability(GROUP_PIN), PIN_WANT | PIN_TIMER);
	c->exit = vtx_adjust(capability(GROUP_EXIT), EXIT_WANT);
	c->entry = vtx_adjust(capability(GROUP_ENTRY), ENTRY_WANT);
	need(c->pin, PIN_WANT, "VT-x without virtual NMIs", why);
	need(c->exit, EXIT_WANT, "VT-x that does not switch PAT and EFER", why);
	need(c->entry, ENTRY_WANT, "VT-x that does not switch PAT and EFER", why);
	return *why ? -ENODEV : 0;
}
