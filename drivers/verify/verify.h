/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The judge: decides whether the derived code of a twin may run in ring 0.
 *
 * Owns: the rules of docs and README.md in this folder, and nothing else. It reads the final bytes
 * after relocation, of a writer it does not trust, and shares no code with that writer. Free-
 * standing C, no allocation, no recursion, no output: linked by the hypervisor and a host program.
 * The compiler may call memcpy, memset and memcmp, which the linking program supplies.
 *
 * What an accepted blob cannot do, from any entry, with any register and memory contents, when the
 * hypervisor keeps its side (README.md, "What the hypervisor owes"): touch memory of the lower half
 * outside its own stack frames and its gs block, leave the blob except to an allowed target or to
 * its caller, use more stack than the limit between two indirect calls, or change processor state
 * beyond the general registers and arithmetic flags.
 */
#ifndef VERIFY_H
#define VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(number, SYMBOL, "name", "what the code did"): numbers are stable, tests and logs use them. */
#define VERIFY_RULES(X)                                                                        \
	X(1, OPCODE, "opcode", "instruction form is not on the allow-list")                    \
	X(2, PREFIX, "prefix", "forbidden or redundant prefix")                                \
	X(3, TRUNCATED, "truncated", "instruction runs over the end of the code")              \
	X(4, RIP_RELATIVE, "rip-relative", "operand relative to the instruction pointer")      \
	X(5, INDIRECT, "indirect", "indirect jump or call")                                    \
	X(6, GUARD, "guard", "address is not proved to be in the upper half")                  \
	X(7, ABSOLUTE, "absolute", "constant address is not in the upper half")                \
	X(8, FS_FORM, "fs-form", "fs operand is not fs:[rsp+d] inside the frame")              \
	X(9, GS_FORM, "gs-form", "gs operand is not gs:[d] inside the block")                  \
	X(10, STRING, "string", "string operation starts at an unproved address")              \
	X(11, RSP_WRITE, "rsp-write", "stack pointer changed other than by a constant")        \
	X(12, RSP_READ, "rsp-read", "stack pointer used as a value")                           \
	X(13, SECOND_STACK, "second-stack",                                                    \
	  "address on the second stack not formed by its distance")                            \
	X(14, FRAME, "frame", "stack access outside the function's own frame")                 \
	X(15, FRAME_INIT, "frame-init", "stack bytes read that the function never wrote")      \
	X(16, DEPTH, "depth", "stack depth differs between two ways to one instruction")       \
	X(17, EXIT_DEPTH, "exit-depth", "return, tail jump or pop with the wrong stack depth") \
	X(18, BRANCH, "branch", "branch target is not an instruction of the blob")             \
	X(19, TARGET, "target", "jump or call to an address outside that is not allowed")      \
	X(20, FALL, "fall", "execution runs into padding or off the end")                      \
	X(21, ARGS, "args", "stack arguments missing at a call, or expected at an entry")      \
	X(22, SAVED, "saved", "callee-saved register not restored")                            \
	X(23, RECURSION, "recursion", "function can call itself")                              \
	X(24, STACK_LIMIT, "stack-limit", "more stack than the limit")                         \
	X(25, ENTRY, "entry", "entry is not an instruction of the blob")                       \
	X(26, PLACE, "place", "blob lies outside the part of the lower half that is used")     \
	X(27, BUDGET, "budget",                                                                \
	  "blob too large or too complex for the work buffer or step budget")                  \
	X(28, LOOKUP, "lookup", "access that is not made through a lookup")                    \
	X(29, LOOKUP_MISS, "lookup-miss", "lookup calls another than its miss routine")        \
	X(30, LOOKUP_JUMP, "lookup-jump", "access that can be reached without its lookup")

enum verify_rule {
	VERIFY_OK = 0,
#define VERIFY_ENUM(nr, sym, name, text) VERIFY_##sym = nr,
	VERIFY_RULES(VERIFY_ENUM)
#undef VERIFY_ENUM
		VERIFY_NR_RULES
};

#define VERIFY_BIT(rule) (1ull << (rule))

enum verify_target_flags {
	VERIFY_TARGET_NORETURN = 1, /* never comes back: nothing behind the call is reached */
	VERIFY_TARGET_THUNK = 2, /* indirect-call thunk: runs a function of the blob or a native */
	VERIFY_TARGET_MISS = 4,  /* miss routine of lookups; through which register: below */
};

#define VERIFY_TARGET_MISS_OF(reg) (VERIFY_TARGET_MISS | (uint32_t)(reg) << 8)

/* An address outside the blob that it may jump to or call. Trusted: the hypervisor's own list. */
struct verify_target {
	uint64_t addr;
	uint32_t flags;      /* enum verify_target_flags */
	uint32_t stack_args; /* bytes each call must supply above its return address */
};

#define VERIFY_MAX_SIZE  (1u << 20) /* bytes of code */
#define VERIFY_WORK_SIZE (8u << 20) /* work buffer that is enough for a twin of 64 KiB */

/*
 * code      final bytes, size of them, that will stand at address base. Read only; must not change
 *           during the call (the caller gives its own copy, not memory of a VM).
 * entries   offsets that the hypervisor will call, by itself or through the indirect-call table.
 *           Untrusted.
 * traps     offsets of the ud2 behind which execution goes on (WARN), sorted; any other ud2 ends
 *           the twin. Untrusted, but the hypervisor must use the same list when a ud2 is met.
 * targets   sorted by addr, none inside the blob.
 * work      scratch memory of work_size bytes, aligned to 8, owned by the caller, contents not
 *           defined before and after. It bounds the number of branch targets: about 3.5 KiB each.
 */
struct verify_input {
	const uint8_t *code;
	uint64_t base;
	uint32_t size;
	const uint32_t *entries;
	uint32_t nr_entries;
	const uint32_t *traps;
	uint32_t nr_traps;
	const struct verify_target *targets;
	uint32_t nr_targets;
	uint32_t gs_size;      /* bytes of the block that gs:[0] names */
	uint32_t stack_limit;  /* bytes of stack an entry may use, its return address not counted */
	uint64_t second_stack; /* distance from the stack to the second stack: fs base */
	bool lookups;          /* engine stlb: each access through a lookup; else there are none */
	bool strict;       /* R6: no fact from a mere successful access, none from a stack slot */
	uint64_t disabled; /* VERIFY_BIT() of rules not to apply; tests only, 0 in the hypervisor */
	void *work;
	size_t work_size;
};

struct verify_result {
	enum verify_rule rule; /* VERIFY_OK or the first rule broken */
	uint32_t offset;       /* of the instruction in the blob */
	const char *reason;    /* one line, static */
	uint32_t instructions; /* in the blob, padding not counted */
	uint32_t guards;       /* `bts reg,47`, or lookups, among them */
	uint32_t functions;    /* entries and targets of calls */
	uint32_t blocks;       /* branch targets */
	uint32_t stack;        /* largest stack use of an entry, bytes */
	uint64_t steps;        /* instructions interpreted until the facts were stable */
};

/*
 * Judge a blob. Returns true when it may run; otherwise *res names the rule, place and reason.
 * Time: at most 256 steps (instructions interpreted, states joined, calls followed) for each byte.
 */
bool verify_blob(const struct verify_input *in, struct verify_result *res);

/* Name and text of each rule; "ok" for VERIFY_OK. */
struct verify_text {
	const char *name, *text;
};
extern const struct verify_text verify_rules[VERIFY_NR_RULES];

#endif
