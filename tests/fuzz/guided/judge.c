/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The judge by itself (drivers/verify): any bytes as code, with entries, traps and calls of the
 * input's choice. What it accepts runs in the emulator of fuzz/machine.h: an escape is a finding.
 * Beyond that, the same code gets the same verdict again, and what passes the strict level passes
 * the normal one but for its other knowledge of addresses.
 *
 * Input: counts of entries, traps and calls (a byte each); two bytes of offset for each entry and
 * trap; offset and target (three bytes) for each call's rel32; the code.
 */
#include "drivers/verify/verify.h"
#include "guided.h"
#include "tests/fuzz/machine.h"
#include "tests/fuzz/random.h"

#define ENTRIES_MAX 8
#define TRAPS_MAX   4
#define CALLS_MAX   64
#define CODE_MAX    8192
#define WORK_BYTES  (2u << 20)
#define INVOCATIONS 4

/* What the code may call. */
#define NATIVE      NATIVES
#define NATIVE_ARGS (NATIVES + NATIVE_BYTES) /* with two arguments on the stack */
#define GONE        UPCALLS                  /* does not return */
#define THUNK       THUNKS

static const struct verify_target targets[] = {
	{ .addr = NATIVE },
	{ .addr = NATIVE_ARGS, .stack_args = 16 },
	{ .addr = GONE, .flags = VERIFY_TARGET_NORETURN },
	{ .addr = THUNK, .flags = VERIFY_TARGET_THUNK },
};
#define NR_TARGETS (sizeof(targets) / sizeof(targets[0]))

static void put_call(uint8_t *code, uint32_t size, uint32_t where, unsigned int target)
{
	uint32_t rel = targets[target % NR_TARGETS].addr - (TWIN_BASE + where + 4);

	if (size >= 4 && where <= size - 4)
		memcpy(code + where, &rel, 4);
}

static bool judge(struct verify_input *v, bool strict, struct verify_result *res)
{
	bool ok;

	v->strict = strict;
	memset(res, 0, sizeof(*res));
	ok = verify_blob(v, res);
	CHECK(ok == (res->rule == VERIFY_OK) && res->rule < VERIFY_NR_RULES);
	CHECK(ok || res->reason);
	CHECK(!ok || res->stack <= v->stack_limit);
	return ok;
}

/*
 * The normal level takes a number through which code has reached memory for a pointer. That says
 * more of the address and less of what it may be added to, so that these two rules may refuse what
 * the strict level takes.
 */
static bool by_address(enum verify_rule rule)
{
	return rule == VERIFY_GUARD || rule == VERIFY_STRING;
}

static enum outside outside(uint64_t addr, uint32_t *stack_args)
{
	*stack_args = addr == NATIVE_ARGS ? 16 : 0;
	if (addr == NATIVE || addr == NATIVE_ARGS || addr == JUST_RETURN)
		return OUTSIDE_RETURNS;
	return addr == GONE ? OUTSIDE_KILLS : addr == THUNK ? OUTSIDE_THUNK : OUTSIDE_NOTHING;
}

static const struct verify_input *accepted;

static bool resumes(uint64_t addr)
{
	for (uint32_t i = 0; i < accepted->nr_traps; i++)
		if (addr - TWIN_BASE == accepted->traps[i])
			return true;
	return false;
}

static void run(const struct verify_input *v)
{
	struct machine_image img = { v->code, v->size, v->entries, v->nr_entries,
				     outside, resumes, NULL };
	uint64_t ends[NR_ENDS] = { 0 }, address = 0;
	const char *escape;

	accepted = v;
	escape = machine_run(&img, INVOCATIONS, ends, &address);
	if (escape)
		fprintf(stderr, "judge: %s 0x%llx\n", escape, (unsigned long long)address);
	CHECK(!escape);
}

static void judge_all(struct verify_input *v)
{
	struct verify_result normal, strict, again;
	bool ok = judge(v, false, &normal), ok_strict = judge(v, true, &strict);

	CHECK(!ok_strict || ok || by_address(normal.rule));
	CHECK(judge(v, false, &again) == ok && again.rule == normal.rule &&
	      again.offset == normal.offset && again.steps == normal.steps);
	CHECK(normal.steps <= 256ull * (v->size + 1));
	if (ok || ok_strict)
		run(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t *work;
	struct input in = { data, data + size };
	uint32_t entries[ENTRIES_MAX], traps[TRAPS_MAX];
	struct {
		uint16_t where;
		uint8_t target;
	} call[CALLS_MAX];
	unsigned int nr_entries = in_u8(&in) % (ENTRIES_MAX + 1),
		     nr_traps = in_u8(&in) % (TRAPS_MAX + 1);
	unsigned int calls = in_u8(&in) % (CALLS_MAX + 1);
	struct verify_input v = { .base = TWIN_BASE,
				  .entries = entries,
				  .nr_entries = nr_entries,
				  .traps = traps,
				  .nr_traps = nr_traps,
				  .targets = targets,
				  .nr_targets = NR_TARGETS,
				  .gs_size = GS_BYTES,
				  .stack_limit = STACK_LIMIT,
				  .second_stack = DISTANCE,
				  .work_size = WORK_BYTES };
	uint8_t *code;

	if (!work) {
		work = malloc(WORK_BYTES);
		CHECK(machine_open());
	}
	random_seed(in_hash(data, size));
	for (unsigned int i = 0; i < nr_entries; i++)
		entries[i] = in_u16(&in);
	for (unsigned int i = 0; i < nr_traps; i++)
		traps[i] = in_u16(&in);
	for (unsigned int i = 0; i < calls; i++) {
		call[i].where = in_u16(&in);
		call[i].target = in_u8(&in);
	}
	v.size = in.end - in.at < CODE_MAX ? in.end - in.at : CODE_MAX;
	code = malloc(v.size);
	in_bytes(&in, code, v.size);
	for (unsigned int i = 0; i < calls; i++)
		put_call(code, v.size, call[i].where, call[i].target);
	v.code = code;
	v.work = work;
	judge_all(&v);
	free(code);
	return 0;
}
