/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run of the judge: place, sweep over every byte, entries, functions, calls. See verify.h. */
#include "judge.h"

const struct verify_text verify_rules[VERIFY_NR_RULES] = {
	[VERIFY_OK] = { "ok", "no rule is broken" },
#define VERIFY_TEXT(nr, sym, name, text) [nr] = { name, text },
	VERIFY_RULES(VERIFY_TEXT)
#undef VERIFY_TEXT
};

bool judge_waived(struct judge *j, enum verify_rule rule, uint32_t offset, const char *reason)
{
	if (j->in->disabled & VERIFY_BIT(rule))
		return true;
	if (j->res->rule == VERIFY_OK) {
		j->res->rule = rule;
		j->res->offset = offset;
		j->res->reason = reason;
	}
	return false;
}

void *judge_alloc(struct judge *j, size_t count, size_t size)
{
	size_t bytes = (count * size + 7) & ~(size_t)7;
	uint8_t *p = j->work;

	j->work_full = j->work_full || count > SIZE_MAX / 2 / size || bytes > j->work_left;
	if (j->work_full)
		return NULL;
	j->work += bytes;
	j->work_left -= bytes;
	for (size_t k = 0; k < bytes; k++)
		p[k] = 0;
	return p;
}

bool judge_decode(struct judge *j, uint32_t offset, struct insn *i)
{
	const char *reason = NULL;
	enum verify_rule rule = insn_decode(j->in->code + offset, j->in->size - offset,
					    j->in->disabled, i, &reason);

	return rule == VERIFY_OK || judge_waived(j, rule, offset, reason);
}

bool judge_is_start(const struct judge *j, uint64_t offset)
{
	return offset < j->in->size && j->start[offset / 8] >> offset % 8 & 1;
}

static const struct verify_target *find_target(const struct verify_input *in, uint64_t addr)
{
	uint32_t lo = 0, hi = in->nr_targets;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (in->targets[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < in->nr_targets && in->targets[lo].addr == addr ? &in->targets[lo] : NULL;
}

bool judge_goes_inside(const struct judge *j, uint32_t offset, const struct insn *i, uint32_t *to,
		       const struct verify_target **target)
{
	int64_t t = (int64_t)offset + i->len + i->imm;

	if (t >= 0 && t < j->in->size) {
		*to = (uint32_t)t;
		return true;
	}
	*target = find_target(j->in, j->in->base + (uint64_t)t);
	return false;
}

static bool is_branch(const struct insn *i)
{
	return i->op == OP_JMP || i->op == OP_JCC || i->op == OP_CALL;
}

static bool check_place(struct judge *j)
{
	const struct verify_input *in = j->in;
	uint64_t low = 1ull << 40, high = (1ull << 47) - (1ull << 40);

	if (!in->size || in->size > VERIFY_MAX_SIZE || in->nr_entries > VERIFY_MAX_SIZE) {
		waived(BUDGET, 0, "no code, more than 1 MiB, or too many entries");
		return false;
	}
	return (in->base >= low && in->base <= high - in->size) ||
	       waived(PLACE, 0, "code stands where none may");
}

static bool sweep_branch(struct judge *j, const struct insn *i, uint32_t at)
{
	const struct verify_target *target = NULL;
	uint32_t to;

	if (judge_goes_inside(j, at, i, &to, &target)) {
		j->block[to] = 1;
		j->max_functions += i->op == OP_CALL;
		return true;
	}
	if (i->op == OP_JCC)
		return waived(BRANCH, at, "conditional branch out of the blob");
	return target || waived(TARGET, at, "target outside is not allowed");
}

static bool sweep_lookup(struct judge *j, const struct insn *i, uint32_t at)
{
	const struct verify_target *t = NULL;
	uint32_t to;

	/* A strict judge takes none: a processor may guess its branch wrong. */
	return (!j->in->strict && !judge_goes_inside(j, at, i, &to, &t) && t &&
		t->flags == VERIFY_TARGET_MISS_OF(i->dst)) ||
	       waived(LOOKUP_MISS, at, "not its register's miss routine, or judged strictly");
}

/* Every byte belongs to one listed instruction, whether it is reached or not. */
static bool sweep(struct judge *j)
{
	struct insn i;

	for (uint32_t at = 0; at < j->in->size; at += i.len) {
		if (!judge_decode(j, at, &i))
			return false;
		j->start[at / 8] |= 1 << at % 8;
		j->res->instructions += i.op != OP_INT3;
		j->res->guards +=
			i.op == OP_GUARD || i.op == OP_LOOKUP ||
			(i.op == OP_BTS && i.size == 8 && i.src == OPND_IMM && i.imm == 47);
		if (i.op == OP_INDIRECT && !waived(INDIRECT, at, "indirect jump or call"))
			return false;
		if (is_branch(&i) && !sweep_branch(j, &i, at))
			return false;
		if (i.op == OP_LOOKUP && !sweep_lookup(j, &i, at))
			return false;
	}
	for (uint32_t at = 0; at < j->in->size; at++)
		if (j->block[at] && !judge_is_start(j, at) &&
		    !waived(BRANCH, at, "middle of an instruction that a branch leads to"))
			return false;
	return true;
}

static bool check_entries(struct judge *j)
{
	const struct verify_input *in = j->in;
	struct insn i;

	for (uint32_t k = 0; k < in->nr_entries; k++) {
		if (!judge_is_start(j, in->entries[k])) {
			if (!waived(ENTRY, in->entries[k], "no instruction there"))
				return false;
			continue;
		}
		j->block[in->entries[k]] = 1;
	}
	for (uint32_t k = 0; k < in->nr_traps; k++) {
		uint32_t at = in->traps[k];
		bool ok = judge_is_start(j, at) && (!k || in->traps[k - 1] < at) &&
			  judge_decode(j, at, &i) && i.op == OP_UD2;

		if (ok)
			j->warn[at / 8] |= 1 << at % 8;
		else if (!waived(ENTRY, at, "trap list is not one of ud2"))
			return false;
	}
	return true;
}

/* Number the blocks and make room for their states and for functions and calls. */
static bool lay_out(struct judge *j)
{
	uint32_t calls = j->max_functions;

	j->max_functions += j->in->nr_entries;
	j->max_edges = 4 * calls + 64;
	for (uint32_t at = 0; at < j->in->size; at++)
		j->nr_blocks += j->block[at];
	if (j->max_functions >= UINT16_MAX || j->nr_blocks >= UINT16_MAX)
		return false;
	j->callee = judge_alloc(j, j->nr_blocks, sizeof(*j->callee));
	j->block_at = judge_alloc(j, j->nr_blocks, sizeof(*j->block_at));
	j->queue = judge_alloc(j, j->nr_blocks, sizeof(*j->queue));
	j->functions = judge_alloc(j, j->max_functions, sizeof(*j->functions));
	j->edges = judge_alloc(j, j->max_edges, sizeof(*j->edges));
	j->now = judge_alloc(j, 1, sizeof(*j->now));
	j->states = judge_alloc(j, j->nr_blocks, sizeof(*j->states));
	if (j->work_full)
		return false;
	for (uint32_t at = 0, n = 0; at < j->in->size; at++) {
		if (!j->block[at])
			continue;
		j->block_at[n] = at;
		j->block[at] = (uint16_t)++n;
	}
	j->res->blocks = j->nr_blocks;
	return true;
}

static void add_entries(struct judge *j)
{
	for (uint32_t k = 0; k < j->in->nr_entries; k++) {
		uint32_t at = j->in->entries[k];

		if (!judge_is_start(j, at) || j->callee[j->block[at] - 1])
			continue;
		j->functions[j->nr_functions] = (struct function){ .entry = at, .root = true };
		j->callee[j->block[at] - 1] = (uint16_t)++j->nr_functions;
	}
}

static bool judge_run(struct judge *j)
{
	if (!check_place(j))
		return false;
	j->start = judge_alloc(j, j->in->size / 8 + 1, 1);
	j->warn = judge_alloc(j, j->in->size / 8 + 1, 1);
	j->block = judge_alloc(j, j->in->size, sizeof(*j->block));
	if (!j->work_full && (!sweep(j) || !check_entries(j)))
		return false;
	if (j->work_full || !lay_out(j)) {
		waived(BUDGET, 0, "work buffer too small");
		return false;
	}
	add_entries(j);
	for (uint32_t f = 0; f < j->nr_functions; f++)
		if (!flow_function(j, f))
			return false;
	j->res->functions = j->nr_functions;
	return graph_check(j);
}

bool verify_blob(const struct verify_input *in, struct verify_result *res)
{
	struct judge j = { .in = in, .res = res, .work = in->work, .work_left = in->work_size };

	*res = (struct verify_result){ .reason = verify_rules[VERIFY_OK].text };
	j.steps_left = (uint64_t)in->size * STEPS_PER_BYTE;
	return judge_run(&j);
}
