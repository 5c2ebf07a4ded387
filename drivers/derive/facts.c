/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The solver of the must-analysis, and what an access needs. The transfer is in effect.c. */
#include "facts.h"

#include <stdlib.h>

#include "util.h"

/* Visits of a block after which what still grows is taken as unknown, so that loops end. */
#define WIDEN_AFTER 12

/*
 * A sum that reaches the limit is unknown, not large: the zones beside the upper half are that wide
 * (R2), so beyond it nothing is proved. Operands stay below 2^41, so a + b cannot wrap.
 */
uint64_t value_add(uint64_t a, uint64_t b)
{
	if (a == UNKNOWN || b == UNKNOWN || a + b >= SLACK_LIMIT)
		return UNKNOWN;
	return a + b;
}

uint64_t value_multiply(uint64_t a, uint64_t factor)
{
	if (a == UNKNOWN || factor == UNKNOWN || (factor && a >= SLACK_LIMIT / factor))
		return UNKNOWN;
	return a * factor;
}

/* |x| without the overflow of -INT64_MIN. */
uint64_t value_magnitude(int64_t x)
{
	return x < 0 ? -(uint64_t)x : (uint64_t)x;
}

struct value value_top(void)
{
	return (struct value){ UNKNOWN, UNKNOWN, false, -1 };
}

struct value value_bounded(uint64_t bound, bool nonneg)
{
	return (struct value){ UNKNOWN, bound < SLACK_LIMIT ? bound : UNKNOWN, nonneg, -1 };
}

/*
 * UNKNOWN is the largest number, so the maximum of both is what holds for both. Values only ever
 * lose facts here, which is what makes the solver end; `widen` makes it end soon, in loops whose
 * every round adds to a pointer.
 */
bool value_merge(struct value *a, const struct value *b, bool widen)
{
	bool changed = false;

	if (b->slack > a->slack) {
		a->slack = widen ? UNKNOWN : b->slack;
		changed = true;
	}
	if (b->bound > a->bound) {
		a->bound = widen ? UNKNOWN : b->bound;
		changed = true;
	}
	if (a->nonneg && !b->nonneg) {
		a->nonneg = false;
		changed = true;
	}
	if (a->origin >= 0 && a->origin != b->origin) {
		a->origin = -1;
		changed = true;
	}
	return changed;
}

/* What holds behind both paths. Depths that differ are unknown, which refuses the function. */
static bool state_merge(struct state *a, const struct state *b, bool widen)
{
	bool changed = false;

	if (!a->valid) {
		*a = *b;
		return true;
	}
	if (a->depth != b->depth && a->depth != DEPTH_UNKNOWN) {
		a->depth = DEPTH_UNKNOWN;
		changed = true;
	}
	if (a->frame != b->frame && a->frame != NO_FRAME) {
		a->frame = NO_FRAME;
		changed = true;
	}
	for (int r = 0; r < NREGS; r++)
		changed |= value_merge(&a->reg[r], &b->reg[r], widen);
	for (int k = 0; k < SLOTS; k++)
		changed |= value_merge(&a->slot[k], &b->slot[k], widen);
	return changed;
}

/* Nothing is known of arguments; each register has its own origin. */
static struct state entry_state(void)
{
	struct state s = { .valid = true, .depth = 0, .frame = NO_FRAME };

	for (int r = 0; r < NREGS; r++) {
		s.reg[r] = value_top();
		s.reg[r].origin = (int8_t)r;
	}
	for (int k = 0; k < SLOTS; k++)
		s.slot[k] = value_top();
	return s;
}

/* A pointer with a constant distance: far is measured to the last byte that is touched. */
static enum need need_one(const struct value *v, uint64_t distance, int reg, int *out)
{
	*out = reg;
	return value_add(v->slack, distance) == UNKNOWN ? NEED_GUARD : NEED_NOTHING;
}

/* Either register can be the pointer if the other one is bounded. */
static enum need need_sum(const struct state *s, const struct memref *ref, int *reg)
{
	const struct value *b = &s->reg[ref->base], *x = &s->reg[ref->index];
	uint64_t d = value_magnitude(ref->disp) + ref->size;
	uint64_t by_index = value_add(value_multiply(x->bound, ref->scale), d);
	uint64_t by_base = ref->scale == 1 ? value_add(b->bound, d) : UNKNOWN;

	/* No guard if the sum is near as it is; the register named is the one that proves it. */
	*reg = ref->base;
	if (value_add(b->slack, by_index) != UNKNOWN)
		return NEED_NOTHING;
	if (value_add(x->slack, by_base) != UNKNOWN) {
		*reg = ref->index;
		return NEED_NOTHING;
	}
	/*
	 * Else guard the register whose partner is bounded. With neither bounded only the sum can
	 * be guarded.
	 */
	if (by_index != UNKNOWN)
		return NEED_GUARD;
	*reg = ref->index;
	return by_base != UNKNOWN ? NEED_GUARD : NEED_ADDRESS;
}

/* How far the registers can lead from the data that the displacement names. */
static uint64_t table_distance(const struct state *s, const struct memref *ref)
{
	uint64_t b = ref->base >= 0 ? s->reg[ref->base].bound : 0;
	uint64_t x = ref->index >= 0 ? s->reg[ref->index].bound : 0;

	return value_add(b, value_multiply(x, ref->scale));
}

enum need facts_need(const struct state *s, const struct memref *ref, int *reg)
{
	uint64_t d = value_magnitude(ref->disp) + ref->size;
	int offset;

	*reg = -1;
	if (facts_stack_offset(s, ref, &offset))
		return NEED_NOTHING;
	switch (ref->class) {
	case MEM_STACK_INDEX: /* on the second stack, whose distance is no part of the operand */
	case MEM_ODD:
		return NEED_ADDRESS;
	case MEM_BASE:
	case MEM_STRING:
		return need_one(&s->reg[ref->base], d, ref->base, reg);
	case MEM_BASE_INDEX:
		return need_sum(s, ref, reg);
	case MEM_TABLE:
		return value_add(table_distance(s, ref), ref->size) == UNKNOWN ? NEED_ADDRESS
									       : NEED_NOTHING;
	default: /* MEM_STACK: in the frame. MEM_CONST, MEM_GS: the loader's numbers. */
		return NEED_NOTHING;
	}
}

bool facts_policy(const struct options *o, const struct memref *ref)
{
	return ref->write ? o->guard_stores : o->guard_loads;
}

bool facts_stack_offset(const struct state *s, const struct memref *ref, int *offset)
{
	if (ref->class == MEM_STACK && s->depth != DEPTH_UNKNOWN) {
		*offset = -s->depth + (int)ref->disp;
		return true;
	}
	if (ref->class == MEM_BASE && ref->base == RBP && s->frame != NO_FRAME) {
		*offset = -s->frame + (int)ref->disp;
		return true;
	}
	return false;
}

/* States at the leaders of one function, while it is solved. */
struct solver {
	struct program *p;
	struct func *f;
	const struct options *o;
	uint32_t base[FUNC_PARTS]; /* local number of each part's first instruction */
	struct state **at;         /* by local number; only leaders' are allocated */
	uint32_t *visits;
	uint32_t *work, nwork;
	bool *queued;
};

/*
 * Instructions of a function are numbered through its parts, so that arrays stay small: hot and
 * cold part of a function lie far from each other.
 */
static uint32_t local(const struct solver *v, uint32_t x)
{
	for (uint32_t k = 0; k < v->f->nparts; k++) {
		const struct part *part = &v->p->parts[v->f->parts[k]];

		if (x >= part->first && x < part->first + part->count)
			return v->base[k] + (x - part->first);
	}
	fail("internal error: instruction outside of its function");
}

/* A state reaches the start of a block; queue the block if that changed anything. */
static void flow_into(struct solver *v, uint32_t x, const struct state *s)
{
	uint32_t k = local(v, x);

	if (!v->at[k])
		v->at[k] = zalloc(1, sizeof(*v->at[k]));
	v->visits[k]++;
	if (!state_merge(v->at[k], s, v->visits[k] > WIDEN_AFTER) || v->queued[k])
		return; /* nothing new, or it will be looked at anyway */
	v->queued[k] = true;
	v->work[v->nwork++] = x;
}

/* Go through the block that starts at x; hand the states to its successors, or to a visitor. */
static void run_block(struct solver *v, uint32_t x, facts_visit_fn *visit, void *context)
{
	struct state s = *v->at[local(v, x)];

	for (;; x++) {
		const struct insn *i = &v->p->insns[x];

		/* The state before x: what a guard at x can rely on. */
		if (visit)
			visit(context, x, &s);
		effect_apply(v->p, v->f, i, v->o, &s);
		if (!visit && i->target != NO_INSN && i->flow != FLOW_CALL &&
		    insn_func(v->p, &v->p->insns[i->target]) == v->f)
			flow_into(v, i->target, &s);
		if (!i->falls)
			return;
		if (v->p->insns[x + 1].leader) {
			if (!visit)
				flow_into(v, x + 1, &s);
			return;
		}
	}
}

static void solver_free(struct solver *v, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		free(v->at[k]);
	free(v->at);
	free(v->visits);
	free(v->work);
	free(v->queued);
}

/*
 * First to the fixed point, then once more over each block with the visitor: during the solution a
 * state still says too much, and a visitor that saw one would leave guards out.
 */
void facts_walk(struct program *p, struct func *f, const struct options *o, facts_visit_fn *visit,
		void *context)
{
	struct solver v = { .p = p, .f = f, .o = o };
	struct state start = entry_state();
	uint32_t n = 0;

	for (uint32_t k = 0; k < f->nparts; k++) {
		v.base[k] = n;
		n += p->parts[f->parts[k]].count;
	}
	v.at = zalloc(n, sizeof(*v.at));
	v.visits = zalloc(n, sizeof(*v.visits));
	v.work = zalloc(n, sizeof(*v.work));
	v.queued = zalloc(n, sizeof(*v.queued));
	flow_into(&v, f->entry, &start);
	while (v.nwork) {
		uint32_t x = v.work[--v.nwork];

		v.queued[local(&v, x)] = false;
		run_block(&v, x, NULL, NULL);
	}
	/* Each reachable block begins with a leader, so each instruction is visited once. */
	for_each_insn(p, f, i, x) if (i->reachable && i->leader) run_block(&v, x, visit, context);
	solver_free(&v, n);
}
