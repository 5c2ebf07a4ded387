/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last input that the judge accepted, whole: no hash stands for it. */
#include "twin/verdict.h"

#include "drivers/verify/verify.h"
#include "lib/string.h"
#include "mem/phys.h"

#define OFFSETS_MAX 128
#define TARGETS_MAX 260

static struct {
	bool valid;
	struct verify_input in; /* its pointers are those of the arrays below */
	struct verify_result res;
	uint8_t *code;
	uint32_t entry[OFFSETS_MAX], trap[OFFSETS_MAX];
	struct verify_target target[TARGETS_MAX];
} last;

static bool same_numbers(const struct verify_input *a, const struct verify_input *b)
{
	return a->base == b->base && a->size == b->size && a->nr_entries == b->nr_entries &&
	       a->nr_traps == b->nr_traps && a->nr_targets == b->nr_targets &&
	       a->gs_size == b->gs_size && a->stack_limit == b->stack_limit &&
	       a->second_stack == b->second_stack && a->strict == b->strict &&
	       a->lookups == b->lookups && a->disabled == b->disabled;
}

static bool is_known(const struct verify_input *in)
{
	return last.valid && same_numbers(in, &last.in) &&
	       memcmp(in->code, last.code, in->size) == 0 &&
	       memcmp(in->entries, last.entry, in->nr_entries * sizeof(*last.entry)) == 0 &&
	       memcmp(in->traps, last.trap, in->nr_traps * sizeof(*last.trap)) == 0 &&
	       memcmp(in->targets, last.target, in->nr_targets * sizeof(*last.target)) == 0;
}

static void remember(const struct verify_input *in, const struct verify_result *res)
{
	if (in->size > VERDICT_CODE_MAX || in->nr_entries > OFFSETS_MAX ||
	    in->nr_traps > OFFSETS_MAX || in->nr_targets > TARGETS_MAX)
		return;
	if (!last.code)
		last.code = phys_alloc_hv(VERDICT_CODE_MAX);
	last.in = *in;
	last.res = *res;
	memcpy(last.code, in->code, in->size);
	memcpy(last.entry, in->entries, in->nr_entries * sizeof(*last.entry));
	memcpy(last.trap, in->traps, in->nr_traps * sizeof(*last.trap));
	memcpy(last.target, in->targets, in->nr_targets * sizeof(*last.target));
	last.valid = true;
}

bool verdict_of(const struct verify_input *in, struct verify_result *res, bool *known)
{
	*known = is_known(in);
	if (*known) {
		*res = last.res;
		return true;
	}
	last.valid = false;
	if (!verify_blob(in, res))
		return false;
	remember(in, res);
	return true;
}

uint32_t verdict_differs(const uint8_t *code, uint32_t size)
{
	uint32_t at = 0;

	if (!last.valid || last.in.size != size || memcmp(code, last.code, size) == 0)
		return size;
	while (code[at] == last.code[at])
		at++;
	return at;
}
