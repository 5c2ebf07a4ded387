/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See dvm_ram.h. */
#include "dvm_ram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "twin/pool.h"
#include "vm/mem.h"

#define AROUND MIB(1)

struct twin_attachment twin_att;
uint8_t *dvm_ram;

void *vm_ram(const struct vm *vm, gpa_t gpa, uint64_t len)
{
	(void)vm;
	return gpa < DVM_RAM && len <= DVM_RAM - gpa ? dvm_ram + gpa : NULL;
}

int dvm_ram_begin(void)
{
	uint8_t *all =
		mmap(NULL, DVM_RAM + 2 * AROUND, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (all == MAP_FAILED || mprotect(all + AROUND, DVM_RAM, PROT_READ | PROT_WRITE))
		return -1;
	dvm_ram = all + AROUND;
	twin_att = (struct twin_attachment){ .page_offset_base = DVM_BASE,
					     .dvm_bytes = DVM_RAM,
					     .dma_bytes = DVM_RAM,
					     .dma_reach = GIB(4) };
	pool_reset();
	pool_begin();
	return 0;
}

void dvm_ram_end(void)
{
	munmap(dvm_ram - AROUND, DVM_RAM + 2 * AROUND);
}

void assert_pool_adds_up(void)
{
	const struct pool_counts *c = &pool_counts;

	assert_int_equal(c->donated + c->adopted,
			 c->returned + c->left + c->given + c->leaked + pool_out() +
				 pool_level(CASTOR_SKB) + pool_level(CASTOR_HEAD) +
				 pool_level(CASTOR_FRAG) + pool_level(CASTOR_PAGE) + pool_stale());
}
