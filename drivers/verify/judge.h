/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the judge share: the run in progress and the state before an instruction.
 * Internal to drivers/verify. Order of work: verify.c (sweep: every byte decodes, branch targets
 * are instructions), flow.c (per function: facts at each branch target until stable), step.c and
 * access.c (one instruction), graph.c (stack use over calls).
 */
#ifndef VERIFY_JUDGE_H
#define VERIFY_JUDGE_H

#include "decode.h"
#include "fact.h"

/* Stack slots of 8 bytes that are tracked, from the return address down. */
#define NR_SLOTS 128

/* Most bytes of stack arguments a function may read. */
#define MAX_ARGS 256

/* Visits of a branch target after which bounds grow in leaps, so that loops end. */
#define WIDEN_AFTER 16

/* Interpreted instructions for each byte of code, after which the blob is refused. */
#define STEPS_PER_BYTE 256

/* Facts before an instruction. A slot k is the 8 bytes at (rsp at entry) - 8 * (k + 1). */
struct state {
	struct fact reg[NR_REGS];
	struct fact slot[NR_SLOTS];
	uint32_t depth;    /* rsp at entry - rsp */
	uint32_t function; /* index + 1 of the function for which this holds; 0: not reached */
	uint16_t visits;
	bool queued;
};

struct function {
	uint32_t entry;
	uint32_t depth; /* deepest point of its own frame, return addresses of calls included */
	uint32_t total; /* with everything it calls */
	uint32_t args;  /* bytes read above its return address */
	bool root;      /* called from outside */
};

/* Function `from` calls function `to` at some depth, with so many bytes of arguments written. */
struct edge {
	uint16_t from, to;
	uint32_t depth, args;
};

struct judge {
	const struct verify_input *in;
	struct verify_result *res;
	uint8_t *work; /* rest of the work buffer */
	size_t work_left;
	bool work_full;       /* it was too small for something */
	uint8_t *start;       /* bit per byte of code: an instruction begins here */
	uint8_t *warn;        /* bit per byte of code: a ud2 behind which execution goes on */
	uint16_t *block;      /* per byte of code: 1 + index of the block that begins here, or 0 */
	uint16_t *callee;     /* per block: 1 + index of the function that begins here, or 0 */
	uint32_t *block_at;   /* per block: offset */
	struct state *states; /* per block */
	struct state *now;    /* the state being interpreted */
	uint16_t *queue;
	struct function *functions;
	struct edge *edges;
	uint32_t nr_blocks, nr_queue, nr_functions, nr_edges, max_functions, max_edges;
	uint32_t current; /* function under analysis */
	/* End of the lookup interpreted last, and its s; 0 before, which is a branch target. */
	uint32_t looked_up;
	uint8_t looked_up_reg;
	uint64_t steps_left;
};

/* Record a broken rule. False: the run must stop; true: the rule is disabled (tests). */
bool judge_waived(struct judge *j, enum verify_rule rule, uint32_t offset, const char *reason);
#define waived(rule, offset, reason) judge_waived(j, VERIFY_##rule, offset, reason)

/* Carve zeroed memory from the work buffer; NULL when it is used up. */
void *judge_alloc(struct judge *j, size_t count, size_t size);

/* Decode at an offset that is inside the code. False if refused. */
bool judge_decode(struct judge *j, uint32_t offset, struct insn *i);

bool judge_is_start(const struct judge *j, uint64_t offset);

/* Account for work done. False: the step budget is used up. */
bool judge_spend(struct judge *j, uint32_t offset, uint32_t steps);

/* Where a jump or call at `offset` goes: an offset if inside, else *target (NULL: not allowed). */
bool judge_goes_inside(const struct judge *j, uint32_t offset, const struct insn *i, uint32_t *to,
		       const struct verify_target **target);

/* access.c: is the memory operand of i safe; *loaded is what a read of `size` bytes yields. */
bool access_check(struct judge *j, struct state *s, const struct insn *i, uint32_t offset,
		  unsigned size, bool reads, bool writes, struct fact *loaded);

/* Address that the memory operand names. */
struct fact access_address(const struct state *s, const struct mem_operand *m);

/* Remember a store of `size` bytes at [rsp+disp], inside the frame. */
void frame_store(const struct judge *j, struct state *s, int32_t disp, unsigned size,
		 struct fact v);

/* Bytes from rsp upward that the function has written, at most MAX_ARGS. */
uint32_t frame_written(const struct state *s);

/* Move the stack pointer. */
bool frame_set_depth(struct judge *j, struct state *s, uint32_t offset, int64_t depth);

/* Account for stack that an instruction uses below its depth. */
bool frame_note(struct judge *j, const struct state *s, uint32_t offset, uint32_t below);

/* step.c: interpret one instruction that is no branch or call. False if refused. */
bool step_insn(struct judge *j, struct state *s, const struct insn *i, uint32_t offset);

/* Are all callee-saved registers what they were at entry, and is the stack pointer? */
bool step_exit(struct judge *j, const struct state *s, uint32_t offset);

/* Forget what a call changes. `inside`: the callee is code of the blob, or may be. */
void step_call(const struct judge *j, struct state *s, bool inside, uint32_t stack_args);

/* flow.c: analyse the function; appends functions and edges as it meets calls. */
bool flow_function(struct judge *j, uint32_t function);

/* graph.c: no recursion, stack limit, stack arguments. */
bool graph_check(struct judge *j);

#endif
