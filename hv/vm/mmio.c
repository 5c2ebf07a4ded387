/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses of a VM to emulated memory: local APIC page, IOAPIC, memory BARs of device models. */
#include "dev/insn.h"
#include "lib/string.h"
#include "vm/exit.h"
#include "vm/guest_virt.h"
#include "virt/virt_ops.h"

#define LAPIC_GPA 0xfee00000UL

/* One access of the bus; false when nothing is there. */
static bool bus_access(struct vm *vm, gpa_t gpa, unsigned int size, bool write, uint32_t *val)
{
	uint32_t off = gpa & (PAGE_SIZE - 1);

	if ((gpa & PAGE_MASK) == LAPIC_GPA) {
		if (write)
			vlapic_mmio_write(&vm->lapic, off, *val);
		else
			*val = vlapic_mmio_read(&vm->lapic, off);
		return true;
	}
	if ((gpa & PAGE_MASK) == VIOAPIC_GPA) {
		if (write)
			vioapic_mmio_write(&vm->ioapic, off, *val);
		else
			*val = vioapic_mmio_read(&vm->ioapic, off);
		return true;
	}
	return vpci_mmio(vm, gpa, size, write, val);
}

/* Bytes at rip; a page that is not mapped behind the first one only shortens them. */
static size_t fetch(struct vcpu *vcpu, uint64_t cs_base, uint8_t *buf)
{
	size_t n = 15;

	while (n && guest_virt_read(vcpu, cs_base + vcpu->rip, buf, n))
		n--;
	return n;
}

static void store_register(struct vcpu *vcpu, const struct insn_mmio *insn, uint32_t val)
{
	uint64_t *r = &vcpu->gpr[insn->reg];
	unsigned int shift = insn->high8 ? 8 : 0;

	if (insn->reg_size >= 4) {
		*r = val;
	} else {
		uint64_t mask = ((1UL << 8 * insn->reg_size) - 1) << shift;

		*r = (*r & ~mask) | ((uint64_t)val << shift & mask);
	}
}

bool mmio_emulate(struct vcpu *vcpu, gpa_t gpa)
{
	struct vcpu_sysregs sys;
	struct insn_mmio insn;
	uint8_t bytes[15];
	uint32_t out = 0, in = 0;

	virt->sysregs_read(vcpu, &sys);
	if (insn_decode_mmio(bytes, fetch(vcpu, sys.long_code ? 0 : sys.cs_base, bytes),
			     sys.long_code, &insn) ||
	    insn.size > 4)
		return false;
	if (insn.write)
		out = insn.imm ? insn.value : vcpu->gpr[insn.reg] >> (insn.high8 ? 8 : 0);
	if (insn.read && !bus_access(vcpu->vm, gpa, insn.size, false, &in))
		return false;
	if (insn.write && !bus_access(vcpu->vm, gpa, insn.size, true, &out))
		return false;
	if (insn.read)
		store_register(vcpu, &insn, in);
	vcpu->rip += insn.length;
	return true;
}
