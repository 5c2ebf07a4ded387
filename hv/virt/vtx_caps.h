/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this CPU's VT-x can do, and the controls that a VM runs with. Source: Intel SDM 3D appendix
 * A, 3C 24.7 (the firmware's lock).
 */
#ifndef HV_VIRT_VTX_CAPS_H
#define HV_VIRT_VTX_CAPS_H

#include "lib/types.h"

struct vtx_controls {
	uint32_t pin, proc, proc2, exit, entry;
};

/*
 * The controls to use: what is wanted and what this CPU insists on. Of what is wanted only tagged
 * TLB entries (VPID) and the preemption timer may be missing. 0, or -ENODEV and a reason that a
 * user understands: no VT-x, switched off by the firmware, without what is needed of it. Reads
 * CPUID and MSRs, changes nothing.
 */
int vtx_choose(struct vtx_controls *c, const char **why);

/* A capability MSR's rule: its low half must be 1, 0 in its high half must be 0. */
static inline uint32_t vtx_adjust(uint64_t capability, uint32_t want)
{
	return (want | (uint32_t)capability) & capability >> 32;
}

#endif
