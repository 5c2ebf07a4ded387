/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A page walk for dumps, entry by entry, through tables that may be broken: a table is read only
 * where its owner says that there is RAM. 4-level long mode. Source: AMD APM 2 5.3. Never faults;
 * any context.
 */
#ifndef HV_DEBUG_WALK_H
#define HV_DEBUG_WALK_H

#include "lib/types.h"

#define WALK_LEVELS 4

struct walk {
	uint64_t entry[WALK_LEVELS]; /* as read, from the root on */
	unsigned int count;          /* how many were read */
	bool mapped;                 /* the last one is a leaf */
	bool outside;                /* the last one points to a table outside RAM */
	uint64_t phys;               /* of the byte, when mapped */
};

/* The table at a physical address of the space as a pointer, or NULL when no RAM is there. */
typedef const volatile uint64_t *walk_table_fn(const void *space, uint64_t phys);

void walk_tables(struct walk *w, uint64_t root, uint64_t va, walk_table_fn *table,
		 const void *space);

/* Through the tables that this CPU runs on. */
void walk_hva(struct walk *w, uint64_t va);

/* `pml4e X pdpte X pde X pte X -> where it leads`. Returns buf. */
const char *walk_format(const struct walk *w, char *buf, size_t size);

/*
 * Whether the hypervisor may read the byte at addr: canonical, mapped, and memory. Registers of
 * devices count as not mapped, because a read may change them.
 */
bool hva_mapped(uint64_t addr);

/* The same for all of [addr, addr+len). */
bool hva_range_mapped(uint64_t addr, uint64_t len);

#endif
