/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VT-x's instructions, one function each. A field that this CPU does not have is our bug. Source:
 * Intel SDM 3C chapter 31.
 */
#ifndef HV_VIRT_VMX_H
#define HV_VIRT_VMX_H

#include "debug/log.h"
#include "virt/vmcs.h"

static inline uint64_t vmread(enum vmcs_field field)
{
	uint64_t val;

	asm volatile("vmread %1, %0" : "=r"(val) : "r"((uint64_t)field) : "cc");
	return val;
}

static inline void vmwrite(enum vmcs_field field, uint64_t val)
{
	bool failed;

	asm volatile("vmwrite %1, %2" : "=@ccbe"(failed) : "r"(val), "r"((uint64_t)field));
	BUG_ON(failed);
}

/* The three below: true when the CPU refused. */
static inline bool vmxon(hpa_t region)
{
	bool failed;

	asm volatile("vmxon %1" : "=@ccbe"(failed) : "m"(region) : "memory");
	return failed;
}

static inline bool vmclear(hpa_t vmcs)
{
	bool failed;

	asm volatile("vmclear %1" : "=@ccbe"(failed) : "m"(vmcs) : "memory");
	return failed;
}

static inline bool vmptrld(hpa_t vmcs)
{
	bool failed;

	asm volatile("vmptrld %1" : "=@ccbe"(failed) : "m"(vmcs) : "memory");
	return failed;
}

enum invept_type { INVEPT_CONTEXT = 1, INVEPT_ALL = 2 };

static inline void invept(enum invept_type type, uint64_t pointer)
{
	struct {
		uint64_t pointer, reserved;
	} what = { pointer, 0 };
	bool failed;

	asm volatile("invept %1, %2"
		     : "=@ccbe"(failed)
		     : "m"(what), "r"((uint64_t)type)
		     : "memory");
	BUG_ON(failed);
}

#endif
