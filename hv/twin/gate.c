/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of thunks and stubs; the table of indirect calls. */
#include "twin/gate.h"

#include "lib/errno.h"

#define TEXT_MAX  MIB(1) /* largest module text whose functions can be indirect targets */
#define ALIGNMENT 16
#define SLOTS     (TEXT_MAX / ALIGNMENT + 1) /* slot 0 refuses, slot 1 is the base itself */

extern char twin_thunk_rax[], twin_thunk_rcx[], twin_thunk_rdx[], twin_thunk_rbx[],
	twin_thunk_rbp[], twin_thunk_rsi[], twin_thunk_rdi[], twin_thunk_r8[], twin_thunk_r9[],
	twin_thunk_r10[], twin_thunk_r11[], twin_thunk_r12[], twin_thunk_r13[], twin_thunk_r14[],
	twin_thunk_r15[], twin_upcall_stubs[], twin_indirect_refused[];

/* Read by the thunks: address of slot 0, number of slots, distances from the table. */
uint64_t twin_indirect_base, twin_indirect_count;
int32_t twin_indirect_table[SLOTS];

static int32_t distance(uint64_t code)
{
	return code - (uint64_t)twin_indirect_table;
}

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
	for (unsigned int i = 0; i < SLOTS; i++)
		twin_indirect_table[i] = distance((uint64_t)twin_indirect_refused);
	twin_indirect_base = 0;
	twin_indirect_count = 0;
}

int twin_gate_set(uint64_t base, uint32_t offset, uint64_t code)
{
	if (base % ALIGNMENT || offset % ALIGNMENT || offset >= TEXT_MAX ||
	    (twin_indirect_count && twin_indirect_base != base - ALIGNMENT))
		return -EINVAL;
	twin_indirect_base = base - ALIGNMENT;
	twin_indirect_count = SLOTS;
	twin_indirect_table[offset / ALIGNMENT + 1] = distance(code);
	return 0;
}
