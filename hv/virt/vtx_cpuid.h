/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bits of CPUID that VMs do not see on Intel's CPUs: struct virt_ops, cpuid_hidden. */
#ifndef HV_VIRT_VTX_CPUID_H
#define HV_VIRT_VTX_CPUID_H

#include "virt/virt_ops.h"

#define VTX_CPUID_HIDDEN 18
extern const struct cpuid_hidden vtx_cpuid_hidden[VTX_CPUID_HIDDEN];

#endif
