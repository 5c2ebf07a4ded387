/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of thunks and stubs; the table of indirect calls. */
#include "twin/gate.h"

#include "lib/errno.h"
#include "mem/layout.h"
#include "twin/gate_abi.h"
#include "twin/judge.h"

#define TEXT_MAX  MIB(1) /* largest module text whose functions can be indirect targets */
#define X86_RSP   4      /* its number in instructions */
#define ALIGNMENT 16
#define SLOTS     (TEXT_MAX / ALIGNMENT + 1) /* slot 0 refuses, slot 1 is the base itself */

extern char twin_thunks[], twin_thunks_retpoline[], twin_upcall_stubs[], twin_indirect_refused[];

struct twin_cpu twin_cpu __attribute__((aligned(PAGE_SIZE)));
_Static_assert(TWIN_GATE_FIRST == TWIN_GS_BLOCK_BYTES, "gate_abi.h");
_Static_assert(offsetof(struct twin_cpu, indirect_base) == TWIN_GATE_BASE, "gate_abi.h");
_Static_assert(offsetof(struct twin_cpu, indirect_count) == TWIN_GATE_COUNT, "gate_abi.h");
_Static_assert(offsetof(struct twin_cpu, indirect_table) == TWIN_GATE_TABLE, "gate_abi.h");
_Static_assert(offsetof(struct twin_cpu, code_base) == TWIN_GATE_CODE, "gate_abi.h");
_Static_assert(offsetof(struct twin_cpu, code_base) + 8 == TWIN_GATE_END, "gate_abi.h");

/* The twin is the same on each CPU, so the table can be. */
static int32_t indirect_table[SLOTS];

static int32_t distance(uint64_t code)
{
	return code - TWIN_BASE;
}

uint64_t twin_gate_thunk(unsigned int reg)
{
	const char *thunks = judge_is_strict() ? twin_thunks_retpoline : twin_thunks;

	return reg < 16 && reg != X86_RSP ? (uint64_t)thunks + TWIN_THUNK_BYTES * reg : 0;
}

uint64_t twin_gate_upcall(uint32_t import)
{
	return import < TWIN_GATE_STUBS ? (uint64_t)twin_upcall_stubs + 16UL * import : 0;
}

void twin_gate_clear(void)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		indirect_table[i] = distance((uint64_t)twin_indirect_refused);
	twin_cpu.indirect_base = 0;
	twin_cpu.indirect_count = 0;
	twin_cpu.indirect_table = indirect_table;
	twin_cpu.code_base = TWIN_BASE;
}

int twin_gate_set(uint64_t base, uint32_t offset, uint64_t code)
{
	if (base % ALIGNMENT || offset % ALIGNMENT || offset >= TEXT_MAX ||
	    (twin_cpu.indirect_count && twin_cpu.indirect_base != base - ALIGNMENT))
		return -EINVAL;
	twin_cpu.indirect_base = base - ALIGNMENT;
	twin_cpu.indirect_count = SLOTS;
	indirect_table[offset / ALIGNMENT + 1] = distance(code);
	return 0;
}
