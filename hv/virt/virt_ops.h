/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vendor seam. One implementation (amdv or vtx) is chosen at boot; vendor-neutral code
 * calls through `virt` and sees struct vm_exit. Interrupts are off in all calls.
 */
#ifndef HV_VIRT_VIRT_OPS_H
#define HV_VIRT_VIRT_OPS_H

#include "vm/vcpu.h"

/* Bits of a CPUID leaf that VMs do not see. Sub-leaf ANY_SUB: of all of them. */
struct cpuid_hidden {
	uint32_t leaf, sub;
	uint32_t eax, ebx, ecx, edx;
};
#define ANY_SUB 0xffffffff

enum nested_type { NESTED_RAM, NESTED_MMIO };

struct virt_ops {
	const char *name;

	/* What CPUs of this vendor have besides, and nothing here emulates or switches. */
	const struct cpuid_hidden *cpuid_hidden;
	unsigned int cpuid_hidden_count;

	/*
	 * Can this CPU do it? 0, or -ENODEV after writing a reason that a user understands to
	 * *why.
	 */
	int (*probe)(const char **why);

	/* Turns the extension on, on this CPU. */
	void (*cpu_enable)(void);

	/*
	 * Allocates the control block, or takes the one that a VM had which starts anew, and fills
	 * it. -ENOMEM.
	 */
	int (*vcpu_init)(struct vcpu *vcpu, const struct vcpu_entry *entry);

	/*
	 * Runs until the next exit. vector >= 0 is offered as external interrupt: *delivered says
	 * whether the vCPU took it. A physical interrupt that ended the run has been taken by its
	 * handler on return.
	 */
	void (*vcpu_run)(struct vcpu *vcpu, int vector, bool *delivered, struct vm_exit *exit);

	void (*sysregs_read)(const struct vcpu *vcpu, struct vcpu_sysregs *regs);
	void (*efer_write)(struct vcpu *vcpu,
			   uint64_t efer); /* keeps what the extension needs set */
	void (*inject_exception)(struct vcpu *vcpu, uint8_t vector, bool has_error, uint32_t error);
	void (*clear_int_shadow)(struct vcpu *vcpu);

	/* Sets FS and GS base of the hypervisor itself, so that they survive every exit. */
	void (*host_segments)(uint64_t fs_base, uint64_t gs_base);

	/* Whether the VM's access to ports [first, last] exits. Default: all do. */
	void (*io_intercept)(struct vm *vm, uint16_t first, uint16_t last, bool on);

	/*
	 * Nested page table: map (2 MiB pages where both addresses are aligned), unmap, look up.
	 * -ENOMEM.
	 */
	int (*nested_map)(struct vm *vm, gpa_t gpa, hpa_t hpa, uint64_t len, bool write,
			  enum nested_type type);
	void (*nested_unmap)(struct vm *vm, gpa_t gpa, uint64_t len);
	bool (*nested_lookup)(const struct vm *vm, gpa_t gpa, hpa_t *hpa, bool *write);

	/* Prints the control block for a dump. */
	void (*dump)(const struct vcpu *vcpu);
};

extern const struct virt_ops *virt;
extern const struct virt_ops amdv_ops, vtx_ops;

/* Chooses an implementation; ends the boot with a line that says why each of them is none. */
void virt_init(void);

#endif
