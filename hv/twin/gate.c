/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of thunks and stubs; the table of indirect calls. */
#include "twin/gate.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "mem/phys.h"

#define TEXT_MAX  MIB(1) /* largest module text whose functions can be indirect targets */
#define ALIGNMENT 16
#define SLOTS     (TEXT_MAX / ALIGNMENT + 1) /* slot 0 refuses */

extern char twin_thunk_rax[], twin_thunk_rcx[], twin_thunk_rdx[], twin_thunk_rbx[],
	twin_thunk_rbp[], twin_thunk_rsi[], twin_thunk_rdi[], twin_thunk_r8[], twin_thunk_r9[],
	twin_thunk_r10[], twin_thunk_r11[], twin_thunk_r12[], twin_thunk_r13[], twin_thunk_r14[],
	twin_thunk_r15[], twin_upcall_stubs[], twin_indirect_refused[];

/* Read by the thunks. */
uint64_t twin_indirect_base, twin_indirect_count, twin_indirect_address;
int32_t *twin_indirect_table;

uint64_t twin_gate_thunk(unsigned int reg)
{
	static char *const thunk[16] = { twin_thunk_rax, twin_thunk_rcx, twin_thunk_rdx,
					 twin_thunk_rbx, NULL,           twin_thunk_rbp,
					 twin_thunk_rsi, twin_thunk_rdi, twin_thunk_r8,
					 twin_thunk_r9,  twin_thunk_r10, twin_thunk_r11,
					 twin_thunk_r12, twin_thunk_r13, twin_thunk_r14,
					 twin_thunk_r15 };

	return reg < 16 ? (uint64_t)thunk[reg] : 0;
}

uint64_t twin_gate_upcall(uint32_t import)
{
	return import < TWIN_GATE_STUBS ? (uint64_t)twin_upcall_stubs + 16UL * import : 0;
}

void twin_gate_clear(void)
{
	if (!twin_indirect_table)
		twin_indirect_table = phys_alloc_hv(SLOTS * sizeof(*twin_indirect_table));
	memset(twin_indirect_table, 0, SLOTS * sizeof(*twin_indirect_table));
	twin_indirect_base = 0;
	twin_indirect_count = 0;
}

int twin_gate_set(uint64_t base, uint32_t offset, uint64_t code)
{
	if (base % ALIGNMENT || offset % ALIGNMENT || offset >= TEXT_MAX ||
	    (twin_indirect_base && twin_indirect_base != base))
		return -EINVAL;
	twin_indirect_base = base;
	twin_indirect_count = TEXT_MAX / ALIGNMENT;
	twin_indirect_table[offset / ALIGNMENT + 1] = code - (uint64_t)twin_indirect_refused;
	return 0;
}
