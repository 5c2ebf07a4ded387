/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Page walks that trust nothing. */
#include "debug/walk.h"

#include "cpu/x86.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mem/layout.h"
#include "mem/paging.h"
#include "mem/phys.h"

void walk_tables(struct walk *w, uint64_t root, uint64_t va, walk_table_fn *table,
		 const void *space)
{
	uint64_t phys = root & PTE_ADDR;

	memset(w, 0, sizeof(*w));
	for (int level = WALK_LEVELS - 1; level >= 0; level--) {
		unsigned int shift = PAGE_SHIFT + 9 * level;
		const volatile uint64_t *t = table(space, phys);
		uint64_t e;

		w->outside = !t;
		if (!t)
			return;
		e = t[va >> shift & 511];
		w->entry[w->count++] = e;
		if (!(e & PTE_P))
			return;
		if (level == 0 || (level < WALK_LEVELS - 1 && (e & PTE_PS))) {
			uint64_t inside = BIT(shift) - 1;

			w->mapped = true;
			w->phys = (e & PTE_ADDR & ~inside) | (va & inside);
			return;
		}
		phys = e & PTE_ADDR;
	}
}

/* The direct map leaves the image out, and some tables lie in the image. */
static const volatile uint64_t *hv_table(const void *space, uint64_t phys)
{
	(void)space;
	if (!phys_is_ram(phys))
		return NULL;
	if (phys >= HV_PHYS_START && phys < image_end_hpa())
		return (const uint64_t *)(HV_BASE + phys);
	return hpa_to_hva(phys);
}

void walk_hva(struct walk *w, uint64_t va)
{
	uint64_t cr3 = read_cr3();

	/* Before the hypervisor's own tables are in use nothing is known about the direct map. */
	memset(w, 0, sizeof(*w));
	if ((cr3 & PTE_ADDR) == paging_root())
		walk_tables(w, cr3, va, hv_table, NULL);
}

const char *walk_format(const struct walk *w, char *buf, size_t size)
{
	static const char *const names[WALK_LEVELS] = { "pml4e", "pdpte", "pde", "pte" };
	size_t n = 0;

	buf[0] = 0;
	for (unsigned int i = 0; i < w->count && n < size; i++)
		n += snprintf(buf + n, size - n, "%s %lx ", names[i], w->entry[i]);
	if (n >= size)
		return buf;
	if (w->mapped)
		snprintf(buf + n, size - n, "-> %lx", w->phys);
	else
		snprintf(buf + n, size - n, w->outside ? "-> table outside RAM" : "-> not mapped");
	return buf;
}

bool hva_mapped(uint64_t addr)
{
	struct walk w;

	if (addr != (uint64_t)((int64_t)(addr << 16) >> 16))
		return false;
	walk_hva(&w, addr);
	return w.mapped && !(w.entry[w.count - 1] & PTE_PCD);
}

bool hva_range_mapped(uint64_t addr, uint64_t len)
{
	uint64_t last = addr + len - 1;

	if (len == 0 || last < addr)
		return false;
	for (uint64_t page = addr & PAGE_MASK;; page += PAGE_SIZE) {
		if (!hva_mapped(page))
			return false;
		if (page == (last & PAGE_MASK))
			return true;
	}
}
