/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts over one function: a forward must-analysis. A function is whatever direct jumps reach from
 * its entry, code of other functions included (a tail call is a jump with an empty frame), so that
 * no statement about where functions begin or end is needed or believed.
 */
#include "judge.h"

bool judge_spend(struct judge *j, uint32_t offset, uint32_t steps)
{
	j->res->steps += steps;
	if (j->steps_left >= steps) {
		j->steps_left -= steps;
		return true;
	}
	return waived(BUDGET, offset, "more steps than the budget allows");
}

static void enqueue(struct judge *j, uint32_t block)
{
	if (j->states[block].queued)
		return;
	j->states[block].queued = true;
	j->queue[j->nr_queue++] = (uint16_t)block;
}

static bool join_state(struct state *t, const struct state *s)
{
	bool widen = t->visits >= WIDEN_AFTER, changed = false;

	for (unsigned r = 0; r < NR_REGS; r++)
		changed |= fact_join(&t->reg[r], s->reg[r], widen);
	for (uint32_t k = 0; k < s->depth / 8 && k < NR_SLOTS; k++)
		changed |= fact_join(&t->slot[k], s->slot[k], widen);
	t->visits += !widen;
	return changed;
}

/* The current state arrives at a block. `offset`: the instruction it comes from. */
static bool arrive(struct judge *j, uint32_t to, uint32_t offset)
{
	uint32_t block = j->block[to] - 1;
	struct state *t = &j->states[block], *s = j->now;

	if (!judge_spend(j, offset, 8))
		return false;
	if (t->function != j->current + 1) {
		*t = *s;
		t->function = j->current + 1;
		t->visits = 0;
		t->queued = false;
		enqueue(j, block);
		return true;
	}
	if (t->depth != s->depth)
		return waived(DEPTH, to, "stack depth differs between two ways to one instruction");
	if (join_state(t, s))
		enqueue(j, block);
	return true;
}

static uint32_t function_at(struct judge *j, uint32_t entry)
{
	uint16_t *callee = &j->callee[j->block[entry] - 1];

	if (!*callee) {
		j->functions[j->nr_functions] = (struct function){ .entry = entry };
		*callee = (uint16_t)++j->nr_functions;
	}
	return *callee - 1u;
}

static bool note_call(struct judge *j, uint32_t to, uint32_t offset)
{
	uint32_t depth = j->now->depth, args = frame_written(j->now);

	for (uint32_t k = j->nr_edges; k-- && j->edges[k].from == j->current;) {
		struct edge *e = &j->edges[k];

		if (!judge_spend(j, offset, 1))
			return false;
		if (e->to != to)
			continue;
		e->depth = depth > e->depth ? depth : e->depth;
		e->args = args < e->args ? args : e->args;
		return true;
	}
	if (j->nr_edges == j->max_edges) {
		waived(BUDGET, offset, "too many calls between functions");
		return false;
	}
	j->edges[j->nr_edges++] = (struct edge){ (uint16_t)j->current, (uint16_t)to, depth, args };
	return true;
}

static bool call(struct judge *j, const struct insn *i, uint32_t offset, bool *falls)
{
	const struct verify_target *t = NULL;
	uint32_t to;
	bool inside = judge_goes_inside(j, offset, i, &to, &t);

	*falls = true;
	if (!frame_note(j, j->now, offset, 8))
		return false;
	if (inside) {
		if (!note_call(j, function_at(j, to), offset))
			return false;
		step_call(j, j->now, true, 0);
		return true;
	}
	if (!t) /* its rule is disabled */
		return true;
	if (frame_written(j->now) < t->stack_args &&
	    !waived(ARGS, offset, "stack arguments of the target were not written"))
		return false;
	*falls = !(t->flags & VERIFY_TARGET_NORETURN);
	step_call(j, j->now, t->flags & VERIFY_TARGET_THUNK, t->stack_args);
	return true;
}

static bool jump(struct judge *j, const struct insn *i, uint32_t offset, bool *falls)
{
	const struct verify_target *t = NULL;
	uint32_t to;

	*falls = i->op == OP_JCC;
	if (judge_goes_inside(j, offset, i, &to, &t))
		return arrive(j, to, offset);
	if (*falls) /* refused by the sweep, or the rule is disabled */
		return true;
	if (t && t->stack_args &&
	    !waived(ARGS, offset, "tail jump to a target with stack arguments"))
		return false;
	return step_exit(j, j->now, offset);
}

/* One instruction; *falls: execution may go on behind it. */
static bool interpret(struct judge *j, const struct insn *i, uint32_t offset, bool *falls)
{
	*falls = false;
	switch (i->op) {
	case OP_INT3:
		return waived(FALL, offset, "execution runs into padding");
	case OP_INDIRECT:
		return waived(INDIRECT, offset, "indirect jump or call");
	case OP_RET:
		return step_exit(j, j->now, offset);
	case OP_CALL:
		return call(j, i, offset, falls);
	case OP_JMP:
	case OP_JCC:
		return jump(j, i, offset, falls);
	case OP_UD2:
		*falls = j->warn[offset / 8] >> offset % 8 & 1;
		return true;
	default:
		*falls = true;
		return step_insn(j, j->now, i, offset);
	}
}

static bool run_block(struct judge *j, uint32_t block)
{
	uint32_t at = j->block_at[block];
	struct insn i;
	bool falls;

	j->states[block].queued = false;
	*j->now = j->states[block];
	for (;;) {
		uint32_t next;

		if (!judge_spend(j, at, 1) || !judge_decode(j, at, &i) ||
		    !interpret(j, &i, at, &falls))
			return false;
		if (!falls)
			return true;
		next = at + i.len;
		if (next >= j->in->size)
			return waived(FALL, at, "execution runs off the end");
		if (j->block[next])
			return arrive(j, next, at);
		at = next;
	}
}

bool flow_function(struct judge *j, uint32_t function)
{
	struct function *f = &j->functions[function];

	j->current = function;
	*j->now = (struct state){ .depth = 0 };
	for (unsigned r = 0; r < NR_REGS; r++)
		j->now->reg[r].origin = (uint8_t)(r + 1);
	if (!arrive(j, f->entry, f->entry))
		return false;
	while (j->nr_queue)
		if (!run_block(j, j->queue[--j->nr_queue]))
			return false;
	return true;
}
