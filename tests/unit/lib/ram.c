/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fake memory below debug/walk.c. Reading a table outside it ends the test. */
#include "ram.h"

#include "cpu/x86.h"
#include "lib/string.h"
#include "mem/layout.h"
#include "mem/paging.h"
#include "mem/phys.h"

uint64_t ram[RAM_PAGES][512];
uint64_t fake_hv_base;
static unsigned int used;

void ram_reset(void)
{
	memset(ram, 0, sizeof(ram));
	used = 1;
	fake_cr3 = RAM_ROOT;
}

void ram_set(unsigned int page, uint64_t va, int level, uint64_t entry)
{
	ram[page][va >> (PAGE_SHIFT + 9 * level) & 511] = entry;
}

void ram_map_host(const void *p)
{
	uint64_t va = (uint64_t)p;
	unsigned int page = 0;

	for (int level = 3; level > 0; level--) {
		uint64_t *e = &ram[page][va >> (PAGE_SHIFT + 9 * level) & 511];

		if (!*e) {
			if (used == RAM_PAGES)
				abort();
			*e = ram_page(used++) | PTE_P | PTE_W;
		}
		page = ((*e & PTE_ADDR) - RAM_BASE) / PAGE_SIZE;
	}
	ram_set(page, va, 0, PTE_P | PTE_W | PTE_NX);
}

hpa_t paging_root(void)
{
	return RAM_ROOT;
}

bool phys_is_ram(hpa_t hpa)
{
	return hpa >= RAM_BASE && hpa < RAM_BASE + sizeof(ram);
}

/* The image is the first two pages; its tables are reached by the image's own address. */
hpa_t image_end_hpa(void)
{
	return RAM_BASE + 2 * PAGE_SIZE;
}

void *hpa_to_hva(hpa_t hpa)
{
	if (hpa < image_end_hpa() || !phys_is_ram(hpa))
		abort(); /* the real one is not mapped there */
	return (uint8_t *)ram + (hpa - RAM_BASE);
}

__attribute__((constructor)) static void place_image(void)
{
	fake_hv_base = (uint64_t)ram - RAM_BASE;
}
