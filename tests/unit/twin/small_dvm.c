/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See small_dvm.h. */
#include "small_dvm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/x86.h"
#include "dev/vpci_pass.h"
#include "mem/paging.h"
#include "mem/phys.h"
#include "twin/gate.h"
#include "twin/window.h"
#include "virt/virt_ops.h"
#include "vm/mem.h"

uint8_t *ram;
static uint64_t (*root)[512];
struct vm dvm;
struct vpci_pass nic;
uint64_t cr4;
void (*meanwhile)(gpa_t gpa);
struct twin_cpu twin_cpu;

/* ---- what lies below ---- */

uint64_t fake_rdmsr(uint32_t msr)
{
	(void)msr;
	return 0x0007040600070406UL;
}

void log_warn(const char *fmt, ...)
{
	(void)fmt;
}

void bug(const char *file, int line, const char *fmt, ...)
{
	fail_msg("%s:%d: %s", file, line, fmt);
	abort();
}

uint64_t *paging_root_table(void)
{
	return *root;
}

hpa_t paging_root(void)
{
	return 0;
}

void *phys_alloc_hv(uint64_t size)
{
	return aligned_alloc(PAGE_SIZE, size);
}

bool phys_owned_by(hpa_t hpa, uint64_t len, unsigned int owner)
{
	return owner == FRAME_VM + dvm.id && hpa >= (hpa_t)ram && hpa + len <= (hpa_t)ram + RAM;
}

void *vm_ram(const struct vm *vm, gpa_t gpa, uint64_t len)
{
	(void)vm;
	if (meanwhile)
		meanwhile(gpa);
	return gpa < RAM && len <= RAM - gpa ? ram + gpa : NULL;
}

bool vpci_pass_may_map(const struct vpci_pass *p, uint64_t hpa)
{
	(void)p;
	return hpa >= BAR && hpa < BAR + PAGE_SIZE;
}

static void sysregs_read(const struct vcpu *vcpu, struct vcpu_sysregs *regs)
{
	(void)vcpu;
	*regs = (struct vcpu_sysregs){ .pat = 0x0007040600070406UL, .cr4 = cr4 };
}

/* The driver VM's RAM and everything above it is mapped as it is. */
static bool nested_lookup(const struct vm *vm, gpa_t gpa, hpa_t *hpa, bool *write)
{
	(void)vm;
	if (meanwhile)
		meanwhile(RAM);
	*hpa = gpa < RAM ? (hpa_t)ram + gpa : gpa;
	*write = true;
	return true;
}

static const struct virt_ops ops = { .sysregs_read = sysregs_read, .nested_lookup = nested_lookup };
const struct virt_ops *virt = &ops;

/* ---- the driver VM's tables ---- */

uint64_t *entry(gpa_t table, dva_t va, int level)
{
	dvm.entries++;
	return (uint64_t *)(ram + table) + (va >> (PAGE_SHIFT + 9 * level) & 511);
}

void map(dva_t va, uint64_t leaf)
{
	*entry(PGD, va, 3) = PUD | PTE_P | PTE_W;
	*entry(PUD, va, 2) = PMD | PTE_P | PTE_W;
	*entry(PMD, va, 1) = PT | PTE_P | PTE_W;
	*entry(PT, va, 0) = leaf;
}

int begin(void **state)
{
	(void)state;
	ram = aligned_alloc(MIB(2), RAM);
	memset(ram, 0, RAM);
	root = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	memset(root, 0, PAGE_SIZE);
	dvm.mem_size = RAM;
	window_set_rule(true);
	map(VADDR, PAGE_A | PTE_P | PTE_W);
	cr4 = 0;
	meanwhile = NULL;
	return window_open(&dvm, PGD, DIRECT, &nic);
}

int end(void **state)
{
	(void)state;
	window_close();
	free(ram);
	free(root);
	return 0;
}

uint64_t hv_entry(uint64_t va)
{
	uint64_t *table = *root;

	for (int level = 3; level > 0; level--) {
		uint64_t e = table[va >> (PAGE_SHIFT + 9 * level) & 511];

		if (!(e & PTE_P))
			return 0;
		table = (uint64_t *)(e & PTE_ADDR);
	}
	return table[va >> PAGE_SHIFT & 511];
}
