/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A little physical memory with page tables in it, as debug/walk.c sees the machine. */
#ifndef TESTS_UNIT_LIB_RAM_H
#define TESTS_UNIT_LIB_RAM_H

#include "lib/types.h"

#define RAM_PAGES 16
#define RAM_BASE  0x1000000UL
#define RAM_ROOT  RAM_BASE /* the hypervisor's root */

extern uint64_t ram[RAM_PAGES][512];

void ram_reset(void);

/* Entry of the table in page `page` of RAM. */
void ram_set(unsigned int page, uint64_t va, int level, uint64_t entry);

/* Physical address of a page of RAM. */
static inline hpa_t ram_page(unsigned int page)
{
	return RAM_BASE + page * PAGE_SIZE;
}

/* Maps the page that holds a host pointer at its own address, as far as the tables' pages last. */
void ram_map_host(const void *p);

#endif
