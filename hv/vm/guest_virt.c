/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Software walk of a VM's page tables. */
#include "vm/guest_virt.h"

#include "cpu/x86.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mem/paging.h"
#include "virt/virt_ops.h"
#include "vm/mem.h"
#include "vm/vm.h"

int guest_walk(const struct vm *vm, uint64_t cr3, uint64_t va, gpa_t *gpa)
{
	gpa_t table = cr3 & PTE_ADDR;

	for (int level = 3; level >= 0; level--) {
		unsigned int shift = PAGE_SHIFT + 9 * level;
		const volatile uint64_t *entry = vm_ram(vm, table + (va >> shift & 511) * 8, 8);
		uint64_t e = entry ? *entry : 0;

		if (!(e & PTE_P))
			return -EFAULT;
		if (level == 0 || (level <= 2 && (e & PTE_PS))) {
			uint64_t mask = (1UL << shift) - 1;

			*gpa = (e & PTE_ADDR & ~mask) | (va & mask);
			return 0;
		}
		table = e & PTE_ADDR;
	}
	return -EFAULT;
}

int guest_virt_to_gpa(const struct vcpu *vcpu, uint64_t va, gpa_t *gpa)
{
	struct vcpu_sysregs regs;

	virt->sysregs_read(vcpu, &regs);
	if (!(regs.cr0 & CR0_PG)) {
		*gpa = (uint32_t)va;
		return 0;
	}
	if (!(regs.efer & EFER_LMA))
		return -EFAULT; /* 32-bit paging: nothing that we run emulates memory there */
	return guest_walk(vcpu->vm, regs.cr3, va, gpa);
}

int guest_virt_read(const struct vcpu *vcpu, uint64_t va, void *buf, size_t len)
{
	uint8_t *out = buf;

	while (len) {
		size_t n = MIN(len, PAGE_SIZE - (va & (PAGE_SIZE - 1)));
		const void *src;
		gpa_t gpa;

		if (guest_virt_to_gpa(vcpu, va, &gpa))
			return -EFAULT;
		src = vm_ram(vcpu->vm, gpa, n);
		if (!src)
			return -EFAULT;
		memcpy(out, src, n);
		out += n;
		va += n;
		len -= n;
	}
	return 0;
}
