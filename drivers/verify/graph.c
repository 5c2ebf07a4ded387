/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stack use and stack arguments over direct calls. */
#include "judge.h"

/* One pass of the longest-path search; the first function that grew, or NULL. */
static struct function *relax(struct judge *j)
{
	struct function *grew = NULL;

	for (uint32_t k = j->nr_edges; k--;) { /* callees mostly come behind their callers */
		const struct edge *e = &j->edges[k];
		struct function *f = &j->functions[e->from];
		uint32_t total = e->depth + 8 + j->functions[e->to].total;

		if (total > f->total) {
			f->total = total;
			grew = grew ? grew : f;
		}
	}
	return grew;
}

static bool check_totals(struct judge *j)
{
	struct function *grew = NULL;

	for (uint32_t k = 0; k < j->nr_functions; k++)
		j->functions[k].total = j->functions[k].depth;
	/* Without a cycle a path has at most nr_functions - 1 calls. */
	for (uint32_t pass = 0; pass <= j->nr_functions; pass++) {
		if (!judge_spend(j, 0, j->nr_edges))
			return false;
		grew = relax(j);
		if (!grew)
			break;
	}
	if (grew && !waived(RECURSION, grew->entry, "function can call itself"))
		return false;
	for (uint32_t k = 0; k < j->nr_functions; k++) {
		const struct function *f = &j->functions[k];

		if (f->total > j->in->stack_limit &&
		    !waived(STACK_LIMIT, f->entry, "more stack than the limit"))
			return false;
		if (f->root && f->total > j->res->stack)
			j->res->stack = f->total;
	}
	return true;
}

bool graph_check(struct judge *j)
{
	for (uint32_t k = 0; k < j->nr_functions; k++) {
		const struct function *f = &j->functions[k];

		if (f->root && f->args && !waived(ARGS, f->entry, "entry expects stack arguments"))
			return false;
	}
	for (uint32_t k = 0; k < j->nr_edges; k++) {
		const struct function *f = &j->functions[j->edges[k].to];

		if (f->args > j->edges[k].args &&
		    !waived(ARGS, f->entry, "a caller writes too few stack arguments"))
			return false;
	}
	return check_totals(j);
}
