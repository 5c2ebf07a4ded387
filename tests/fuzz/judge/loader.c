/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lies below hv/twin/load.c: memory, natives, stubs and thunks at the campaign's addresses. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign.h"
#include "drivers/castor_abi.h"
#include "drivers/verify/verify.h"
#include "mem/paging.h"
#include "mem/phys.h"
#include "twin/judge.h"
#include "twin/native.h"
#include "twin/upcall.h"

struct verdict verdict;

static bool is_strict;
static uint64_t rules_disabled;

/* The natives that the hypervisor has (build.mk takes the names from its sources). */
static struct native natives[] = {
#include "natives.inc"
};
#define NR_NATIVES (sizeof(natives) / sizeof(natives[0]))

const struct native *native_find(const char *name)
{
	for (unsigned int k = 0; k < NR_NATIVES; k++) {
		natives[k].fn = (void *)(NATIVES + NATIVE_BYTES * k);
		if (strcmp(natives[k].name, name) == 0)
			return &natives[k];
	}
	return NULL;
}

bool upcall_is_forced(const char *name)
{
	(void)name;
	return false;
}

uint64_t twin_gate_upcall(uint32_t import)
{
	return import < TWIN_GATE_STUBS ? UPCALLS + UPCALL_BYTES * import : 0;
}

uint64_t twin_gate_thunk(unsigned int reg)
{
	return reg < 16 && reg != RSP ? THUNKS + (uint64_t)THUNK_BYTES * reg : 0;
}

/* The emulator has no table of lookups: a twin of engine stlb has nothing to call here. */
uint64_t twin_gate_miss(unsigned int reg)
{
	(void)reg;
	return 0;
}

void twin_gate_clear(void)
{
}

int twin_gate_set(uint64_t base, uint32_t offset, uint64_t code)
{
	(void)code;
	return base % TWIN_GATE_ALIGN || offset % TWIN_GATE_ALIGN || offset >= TWIN_GATE_SPAN ? -1
											      : 0;
}

bool judge_is_strict(void)
{
	return is_strict;
}

/* Each image is judged: none is taken for an earlier one. */
bool verdict_of(const struct verify_input *in, struct verify_result *res, bool *known)
{
	*known = false;
	return verify_blob(in, res);
}

uint32_t verdict_differs(const uint8_t *code, uint32_t size)
{
	(void)code;
	return size;
}

void judge_advise(const struct twin_image *image)
{
	(void)image;
}

void *phys_alloc_hv(uint64_t len)
{
	return calloc(1, len);
}

void paging_protect(uint64_t va, uint64_t len, uint64_t flags)
{
	(void)va;
	(void)len;
	(void)flags;
}

void paging_map(uint64_t va, hpa_t hpa, uint64_t len, uint64_t flags)
{
	(void)va;
	(void)hpa;
	(void)len;
	(void)flags;
}

void paging_unmap(uint64_t va, uint64_t len)
{
	(void)va;
	(void)len;
}

void log_info(const char *fmt, ...)
{
	(void)fmt;
}

void log_warn(const char *fmt, ...)
{
	(void)fmt;
}

bool __real_verify_blob(const struct verify_input *in, struct verify_result *res);
bool __wrap_verify_blob(const struct verify_input *in, struct verify_result *res);

/* The linker puts it in front of the judge: rules are left out here, and the verdict is kept. */
bool __wrap_verify_blob(const struct verify_input *in, struct verify_result *res)
{
	struct verify_input mine = *in;
	bool ok;

	mine.disabled = rules_disabled;
	ok = __real_verify_blob(&mine, res);
	if (!ok)
		snprintf(verdict.refused, sizeof(verdict.refused), "%s",
			 verify_rules[res->rule].name);
	verdict.text = in->code;
	verdict.size = in->size;
	verdict.nr_entries = in->nr_entries;
	memcpy(verdict.entries, in->entries, in->nr_entries * sizeof(*in->entries));
	return ok;
}

bool loader_run(const uint8_t *img, uint32_t size, bool strict, uint64_t disabled)
{
	uint64_t section[CASTOR_SECTIONS], import[TWIN_GATE_STUBS];
	const struct twin_binding b = { section, import, DISTANCE };

	is_strict = strict;
	rules_disabled = disabled;
	for (uint32_t k = 0; k < CASTOR_SECTIONS; k++)
		section[k] = SECTIONS + SECTION_GAP * k;
	for (uint32_t k = 0; k < TWIN_GATE_STUBS; k++)
		import[k] = IMPORTS + 4096ull * k;
	verdict = (struct verdict){ 0 };
	/* As attach_init(): a file with more sections than castor can bind is not attached. */
	if (twin_image_check(img, size) || twin_count(TWIN_TABLE_SECTIONS) > CASTOR_SECTIONS ||
	    twin_place(&b)) {
		if (!verdict.refused[0])
			strcpy(verdict.refused, "loader");
		return false;
	}
	return true;
}

_Static_assert(STACK_LIMIT == TWIN_STACK_LIMIT, "machine.h");
_Static_assert(GS_BYTES == TWIN_GS_BLOCK_BYTES, "machine.h");
_Static_assert(IMPORT_BYTES == 4096 * TWIN_GATE_STUBS, "machine.h");

enum outside loader_at(uint64_t addr, uint32_t *stack_args)
{
	const struct twin_import *imp = twin_table(TWIN_TABLE_IMPORTS);
	uint64_t k;

	if (addr - NATIVES < NATIVE_BYTES * NR_NATIVES)
		return (addr - NATIVES) % NATIVE_BYTES ? OUTSIDE_NOTHING : OUTSIDE_RETURNS;
	if (addr - THUNKS < THUNK_BYTES * 16)
		return (addr - THUNKS) % THUNK_BYTES ? OUTSIDE_NOTHING : OUTSIDE_THUNK;
	if (addr == JUST_RETURN)
		return OUTSIDE_RETURNS;
	k = (addr - UPCALLS) / UPCALL_BYTES;
	if (addr < UPCALLS || k >= TWIN_GATE_STUBS || addr % UPCALL_BYTES)
		return OUTSIDE_NOTHING;
	/* As twin_upcall(), which copies them; with variable arguments nobody knows how many. */
	if (k < twin_count(TWIN_TABLE_IMPORTS) && !(imp[k].flags & TWIN_IMPORT_VARARGS))
		*stack_args = 8u * imp[k].nstack;
	/* What must not return is not even called. */
	return k >= twin_count(TWIN_TABLE_IMPORTS) || imp[k].flags & TWIN_IMPORT_NORETURN
		       ? OUTSIDE_KILLS
		       : OUTSIDE_RETURNS;
}
