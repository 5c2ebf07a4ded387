/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bugs of CPUs that bear on what the hypervisor does with them, known by family, model and
 * stepping. Each can be worked around by bits of an MSR, which the firmware or a microcode update
 * should have set. Under an emulator or another hypervisor (CPUID 1 ECX bit 31) they are its
 * business: the model is a name only, and the MSRs may not be there.
 *
 * Sources: AMD's revision guides, named in each row; which models, and the workaround, as Linux has
 * it (arch/x86/kernel/cpu/amd.c, arch/x86/kvm/svm/svm.c). Affects the CPU that runs it.
 */
#ifndef HV_CPU_ERRATA_H
#define HV_CPU_ERRATA_H

#include "lib/types.h"

/* Each erratum of this CPU into the log, and whether it is worked around. Changes nothing. */
void errata_print(void);

/* Works around those that are not yet; a line of the log for each, a warning if it is in vain. */
void errata_fix(void);

#endif
