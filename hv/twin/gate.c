/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of thunks and stubs; the table of indirect calls. */
#include "twin/gate.h"

#include "lib/errno.h"
#include "mem/layout.h"
#include "twin/gate_abi.h"
#include "twin/judge.h"

#define X86_RSP 4 /* its number in instructions */

extern char twin_thunks[], twin_thunks_retpoline[], twin_upcall_stubs[], twin_indirect_refused[];
extern char twin_misses[];

struct twin_cpu twin_cpu __attribute__((aligned(PAGE_SIZE)));
_Static_assert(TWIN_GATE_FIRST == TWIN_GS_BLOCK_BYTES, "gate_abi.h");
_Static_assert(offsetof(struct twin_cpu, stlb) == TWIN_STLB_TABLE, "twin_abi.h");
_Static_assert(offsetof(struct twin_cpu, indirect_base) == TWIN_GATE_BASE, "gate_abi.h");
_Static_assert(offsetof(struct twin_cpu, indirect_count) == TWIN_GATE_COUNT, "gate_abi.h");
_Static_assert(offsetof(struct twin_cpu, stack_floor) == TWIN_GATE_FLOOR, "gate_abi.h");
_Static_assert(offsetof(struct twin_cpu, indirect) == TWIN_GATE_TABLE, "gate_abi.h");

uint64_t twin_gate_thunk(unsigned int reg)
{
	const char *thunks = judge_is_strict() ? twin_thunks_retpoline : twin_thunks;

	return reg < 16 && reg != X86_RSP ? (uint64_t)thunks + TWIN_THUNK_BYTES * reg : 0;
}

uint64_t twin_gate_miss(unsigned int reg)
{
	return reg < 16 && reg != X86_RSP ? (uint64_t)twin_misses + TWIN_MISS_BYTES * reg : 0;
}

uint64_t twin_gate_upcall(uint32_t import)
{
	return import < TWIN_GATE_STUBS ? (uint64_t)twin_upcall_stubs + 16UL * import : 0;
}

void twin_gate_clear(void)
{
	for (unsigned int i = 0; i < TWIN_GATE_SLOTS; i++)
		twin_cpu.indirect[i] = (uint64_t)twin_indirect_refused;
	twin_cpu.indirect_base = 0;
	twin_cpu.indirect_count = 0;
}

int twin_gate_set(uint64_t base, uint32_t offset, uint64_t code)
{
	if (base % TWIN_GATE_ALIGN || offset % TWIN_GATE_ALIGN || offset >= TWIN_GATE_SPAN ||
	    (twin_cpu.indirect_count && twin_cpu.indirect_base != base - TWIN_GATE_ALIGN))
		return -EINVAL;
	twin_cpu.indirect_base = base - TWIN_GATE_ALIGN;
	twin_cpu.indirect_count = TWIN_GATE_SLOTS;
	twin_cpu.indirect[offset / TWIN_GATE_ALIGN + 1] = code;
	return 0;
}
