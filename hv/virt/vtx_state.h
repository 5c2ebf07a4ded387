/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processor state in the current VMCS: the hypervisor's, which each exit loads, and the VM's.
 * Source: Intel SDM 3C 25.4, 25.5, 27.3.
 */
#ifndef HV_VIRT_VTX_STATE_H
#define HV_VIRT_VTX_STATE_H

#include "vm/vcpu.h"

/* The hypervisor's own, as it is now but for RSP, FS and GS base. */
void vtx_set_host(void);

/* A VM's first one. */
void vtx_set_entry(const struct vcpu_entry *entry);

/* The VM's, as it sees it itself; without what the VMCS does not have: CR2, kernel GS base. */
void vtx_state_read(struct vcpu_sysregs *regs);

/*
 * The VM is about to move val to CR0, of which it only seems to have some bits: afterwards it sees
 * them so, and the instruction, which runs again, does not exit. -EINVAL: it is #GP.
 */
int vtx_hide_cr0(uint64_t val);

/* Controls, the last exit, segments. */
void vtx_state_dump(void);

#endif
