/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds and changes the hypervisor's page tables. */
#include "mem/paging.h"

#include "cpu/x86.h"
#include "debug/log.h"
#include "mem/layout.h"
#include "mem/phys.h"

static hpa_t root;
static bool direct_ready; /* the direct map is live; before that tables are reached by identity */
static uint64_t next_mmio = MMIO_BASE, next_stack = STACK_BASE;

static uint64_t *table_at(hpa_t hpa)
{
	if (hpa >= HV_PHYS_START && hpa < image_end_hpa())
		return (uint64_t *)(HV_BASE +
				    hpa); /* early_pool: the direct map leaves the image out */
	return direct_ready ? hpa_to_hva(hpa) : (uint64_t *)hpa;
}

/*
 * Early tables come from a small pool in the image: the allocator clears pages through the direct
 * map.
 */
_Static_assert(PAGING_RAM_MAX <= DIRECT_SIZE, "the direct map has room for all RAM");
static uint64_t early_pool[PAGING_RAM_MAX / GIB(1) + 32][512] __aligned(4096);
static unsigned int early_used;

static hpa_t table_new(void)
{
	if (direct_ready)
		return hva_to_hpa(phys_alloc_hv(PAGE_SIZE));
	BUG_ON(early_used == ARRAY_SIZE(early_pool));
	return hva_to_hpa(early_pool[early_used++]);
}

static unsigned int index_at(uint64_t va, int level)
{
	return va >> (PAGE_SHIFT + 9 * level) & 511;
}

/* The entry for va at the given level, making the tables above it. */
static uint64_t *entry_for(uint64_t va, int level)
{
	uint64_t *table = table_at(root);

	for (int l = 3; l > level; l--) {
		uint64_t *e = &table[index_at(va, l)];

		if (!(*e & PTE_P))
			*e = table_new() | PTE_P | PTE_W;
		BUG_ON(*e & PTE_PS);
		table = table_at(*e & PTE_ADDR);
	}
	return &table[index_at(va, level)];
}

void paging_map(uint64_t va, hpa_t hpa, uint64_t len, uint64_t flags)
{
	uint64_t end = va + len;

	while (va < end) {
		bool large = !((va | hpa) & (MIB(2) - 1)) && end - va >= MIB(2);
		uint64_t step = large ? MIB(2) : PAGE_SIZE;

		*entry_for(va, large) = hpa | flags | PTE_P | PTE_A | PTE_D | (large ? PTE_PS : 0);
		va += step;
		hpa += step;
	}
}

/* A 2 MiB page becomes 512 small ones with the same flags. */
static void split(uint64_t *entry)
{
	uint64_t *table = phys_alloc_hv(PAGE_SIZE), old = *entry & ~(uint64_t)PTE_PS;

	for (uint64_t i = 0; i < 512; i++)
		table[i] = old + (i << PAGE_SHIFT);
	*entry = hva_to_hpa(table) | PTE_P | PTE_W;
}

void paging_protect(uint64_t va, uint64_t len, uint64_t flags)
{
	for (uint64_t end = va + len; va < end; va += PAGE_SIZE) {
		uint64_t *large = entry_for(va, 1), *e;

		if (*large & PTE_PS)
			split(large);
		e = entry_for(va, 0);
		BUG_ON(!(*e & PTE_P));
		*e = (*e & PTE_ADDR) | flags | PTE_P | PTE_A | PTE_D;
	}
	write_cr3(read_cr3());
}

void paging_unmap(uint64_t va, uint64_t len)
{
	for (uint64_t end = va + len; va < end; va += PAGE_SIZE)
		*entry_for(va, 0) = 0;
	write_cr3(read_cr3());
}

static void map_image(const char *start, const char *end, uint64_t flags)
{
	paging_map((uint64_t)start, (uint64_t)start - HV_BASE, end - start, flags);
}

/*
 * All RAM up to the top, holes included (harmless: nobody has a pointer there), but not the
 * image.
 */
static void map_direct(void)
{
	hpa_t image_end = ALIGN_UP(image_end_hpa(), PAGE_SIZE);
	hpa_t top = ALIGN_UP(phys_top(), MIB(2));

	paging_map(DIRECT_BASE, 0, HV_PHYS_START, PTE_W | PTE_NX);
	paging_map(DIRECT_BASE + image_end, image_end, top - image_end, PTE_W | PTE_NX);
}

/*
 * R1: the twin's guard is the identity for valid pointers, and keeps every other one in the upper
 * half, only where addresses have 48 bits and the CPU ignores none of the upper 16.
 */
static void check_addressing(void)
{
	if ((read_cr4() & (CR4_LA57 | CR4_LAM_SUP)) || (read_cr3() & CR3_LAM) ||
	    (rdmsr(MSR_EFER) & EFER_UAIE))
		boot_fail("paging: 5 levels, LAM or UAI are on (CR4 %lx, EFER %lx)", read_cr4(),
			  rdmsr(MSR_EFER));
}

void paging_init(void)
{
	root = table_new();
	map_image(__text_start, __text_end, 0);
	map_image(__text_end, __rodata_end, PTE_NX);
	map_image(__rodata_end, __image_end, PTE_W | PTE_NX);
	map_direct();
	write_cr3(root);
	check_addressing();
	direct_ready = true;
	phys_use_direct_map();
}

hpa_t paging_root(void)
{
	return root;
}

uint64_t *paging_root_table(void)
{
	return table_at(root);
}

void *mmio_map(hpa_t hpa, uint64_t len)
{
	uint64_t va = next_mmio;

	len = ALIGN_UP(len, PAGE_SIZE);
	for (uint64_t off = 0; off < len; off += PAGE_SIZE)
		*entry_for(va + off, 0) =
			(hpa + off) | PTE_P | PTE_W | PTE_A | PTE_D | PTE_PCD | PTE_PWT | PTE_NX;
	next_mmio += len + PAGE_SIZE;
	return (void *)va;
}

/* AMD APM 3 E.4.7, Intel SDM 2A CPUID: the bits that a physical address has. */
static hpa_t last_address(void)
{
	uint32_t bits = 36;

	if (cpuid(0x80000000, 0).eax >= 0x80000008)
		bits = MIN(cpuid(0x80000008, 0).eax & 0xff, 52U);
	return (1UL << bits) - 1;
}

const void *paging_view(hpa_t hpa, uint64_t len)
{
	hpa_t last = last_address();

	if (!hpa || !len || len > MIB(16) || hpa > last || len - 1 > last - hpa)
		return NULL;
	if (hpa < image_end_hpa() && hpa + len > HV_PHYS_START)
		return NULL;
	if (hpa + len <= phys_top())
		return hpa_to_hva(hpa);
	return (uint8_t *)mmio_map(hpa & PAGE_MASK, hpa % PAGE_SIZE + len) + hpa % PAGE_SIZE;
}

void *stack_alloc(uint64_t size)
{
	uint64_t bottom = next_stack + PAGE_SIZE;

	size = ALIGN_UP(size, PAGE_SIZE);
	for (uint64_t off = 0; off < size; off += PAGE_SIZE)
		paging_map(bottom + off, hva_to_hpa(phys_alloc_hv(PAGE_SIZE)), PAGE_SIZE,
			   PTE_W | PTE_NX);
	next_stack = bottom + size;
	return (void *)next_stack;
}

bool stack_has(uint64_t va)
{
	return va >= STACK_BASE && va < next_stack;
}

uint64_t paging_lookup(uint64_t va, int *level)
{
	uint64_t *table = table_at(root);

	for (int l = 3; l >= 0; l--) {
		uint64_t e = table[index_at(va, l)];

		*level = l;
		if (!(e & PTE_P))
			return 0;
		if (l == 0 || (e & PTE_PS))
			return e;
		table = table_at(e & PTE_ADDR);
	}
	return 0;
}
