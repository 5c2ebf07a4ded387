/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known about registers and the stack before each instruction: a forward must-analysis
 * over a whole function. It decides which accesses need a guard, so it is the part of derive
 * whose mistakes the judge must catch; twin_abi.h states the rules both follow.
 *
 * A value is described by how far its low 48 bits can lie outside the upper half (slack), and by
 * its magnitude as a signed number (bound). Registers that still hold what they held at the
 * function's entry are known by their origin: that proves that callee-saved ones are restored.
 */
#ifndef DERIVE_FACTS_H
#define DERIVE_FACTS_H

#include "../twin_abi.h"
#include "memref.h"
#include "program.h"

#define UNKNOWN       UINT64_MAX
#define SLACK_LIMIT   ((uint64_t)1 << TWIN_SLACK_LOG2)
#define SLOTS         128 /* 8-byte stack slots that are tracked, from the return address down */
#define DEPTH_UNKNOWN (-1)
#define NO_FRAME      (-1)

struct value {
	uint64_t slack; /* below SLACK_LIMIT, or UNKNOWN */
	uint64_t bound; /* |value| <= bound; below SLACK_LIMIT, or UNKNOWN */
	bool nonneg;    /* with a bound: value >= 0 */
	int8_t origin;  /* register whose entry value this is, or -1 */
};

struct state {
	bool valid; /* reached */
	int depth;  /* rsp = entry rsp - depth, or DEPTH_UNKNOWN */
	int frame;  /* rbp = entry rsp - frame, or NO_FRAME */
	struct value reg[NREGS];
	struct value slot[SLOTS]; /* slot[k]: 8 bytes at entry rsp - 8 * (k + 1) */
};

struct options {
	enum twin_facts level;
	enum twin_engine engine;
	bool guard_loads, guard_stores;
	bool naive; /* a guard for each access, whatever is known */
};

enum need {
	NEED_NOTHING, /* safe as it is; *reg anchors it, or is -1 */
	NEED_GUARD,   /* guard register *reg */
	NEED_ADDRESS, /* compute the address and guard that */
};

/* What an access needs in state s to be safe. */
enum need facts_need(const struct state *s, const struct memref *ref, int *reg);

/* Does the policy guard this access at all? */
bool facts_policy(const struct options *o, const struct memref *ref);

/*
 * Is the access one to a place in the frame known at derivation time, by rsp or by rbp as a
 * frame pointer? *offset is then relative to the entry's rsp (negative: own frame).
 */
bool facts_stack_offset(const struct state *s, const struct memref *ref, int *offset);

/* Called in program order for each reachable instruction x, with the state before it. */
typedef void facts_visit_fn(void *context, uint32_t x, const struct state *s);

/* Solve the analysis for f, guards included where facts_need asks for them, then visit. */
void facts_walk(struct program *p, struct func *f, const struct options *o, facts_visit_fn *visit,
		void *context);

/* effect.c: the state behind instruction i, given the one before it. */
void effect_apply(const struct program *p, const struct func *f, const struct insn *i,
		  const struct options *o, struct state *s);

/* result.c: what i leaves in r, the register that is its first operand and that it writes. */
struct value effect_result(const struct insn *i, const struct state *s, int r);

/* What is known of the 8 bytes at an entry offset of the frame. */
struct value effect_slot(const struct state *s, int offset);

/* The part of it that guards placed early have, before the instruction itself. */
void effect_early_guards(const struct insn *i, struct state *s);

/*
 * Is i the `mov rbp, rsp` behind `push rbp` that makes rbp a frame pointer? (Elsewhere the same
 * instruction takes the address of an object.)
 */
bool effect_sets_frame(const struct insn *i, const struct state *s);

/* Arithmetic on slacks and bounds that knows UNKNOWN and SLACK_LIMIT. */
uint64_t value_add(uint64_t a, uint64_t b);
uint64_t value_multiply(uint64_t a, uint64_t factor);
uint64_t value_magnitude(int64_t x);

/* a becomes what holds for both; `widen`: what grows becomes unknown. Did a change? */
bool value_merge(struct value *a, const struct value *b, bool widen);

/* Nothing known; a number of that magnitude at most, which is no pointer. */
struct value value_top(void);
struct value value_bounded(uint64_t bound, bool nonneg);

#endif
