/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gcc's stack protector puts a secret between the objects of a frame and its return address, and
 * looks before the return whether it is still there:
 *
 * 	mov  gs:0x28, %r ; mov %r, [slot] ; xor %r, %r		arm (the xor may be missing)
 * 	mov  [slot], %s ; sub gs:0x28, %s ; jne fail		check
 * 	fail: call __stack_chk_fail
 *
 * In a twin the return address and all spills lie on a stack of the hv that no guarded access
 * reaches (stack.h), so the secret guards nothing: an overrun object can only spoil the second
 * stack, in the dvm's memory. The judge proves the return address safe, with the check or
 * without it.
 *
 * What is dropped must not be missed by anyone, so the whole function is looked at: gs:0x28 and
 * the slot occur in these places alone, what the sequences leave in registers and flags is dead,
 * and on each path the slot is armed when it is checked and checked before the function is left.
 * If one of this does not hold nothing is dropped.
 */
#include "canary.h"

#include <string.h>

#include "../twin_abi.h"
#include "facts.h"
#include "stack.h"
#include "util.h"

#define SEQUENCE   3 /* instructions of either sequence */
#define CHECKS_MAX 16
#define NO_SLOT    1 /* no slot: own ones have negative offsets */

/* What the slot holds before an instruction. */
enum armed { NOT_KNOWN, CLEAR, ARMED };

struct canary {
	struct program *p;
	struct func *f;
	int slot;         /* relative to the entry's rsp */
	uint32_t arm;     /* first instruction of the one sequence that arms */
	uint32_t arm_len; /* 2, or 3 with the xor */
	uint32_t check[CHECKS_MAX], nchecks;
	uint32_t fail; /* the call that all checks lead to */
};

/* The register operand k, all 64 bits of it; -1 if it is anything else. */
static int register64(const struct insn *i, unsigned k)
{
	return i->op[k].type == ZYDIS_OPERAND_TYPE_REGISTER && i->op[k].size == 64
		       ? reg_number(i->op[k].reg.value)
		       : -1;
}

/* Is its memory operand gs:CONSTANT? Per-CPU variables have a relocation, the secret has none. */
static bool names_secret(const struct insn *i)
{
	struct memref ref[MEMREF_MAX];

	return memref_collect(i, ref) && ref[0].class == MEM_GS && !ref[0].reloc;
}

/* ... and is it the secret that is read, all of it? */
static bool reads_secret(const struct insn *i)
{
	struct memref ref[MEMREF_MAX];

	return memref_collect(i, ref) == 1 && ref[0].disp == TWIN_GS_CANARY && ref[0].size == 8 &&
	       !ref[0].write;
}

/* Entry offset of the 8 bytes of its own frame that i accesses, NO_SLOT if it is not that. */
static int own_slot(const struct insn *i)
{
	struct state s = { .depth = i->depth, .frame = i->frame };
	struct memref ref[MEMREF_MAX];
	int offset;

	if (memref_collect(i, ref) != 1 || ref[0].size != 8 ||
	    !facts_stack_offset(&s, &ref[0], &offset) || offset >= 0)
		return NO_SLOT;
	return offset;
}

static bool is_mnemonic(const struct insn *i, ZydisMnemonic m)
{
	return i->reachable && i->z.mnemonic == m && !i->nguards;
}

/* Are there n instructions from x on in the same part, entered at x alone? */
static bool straight(const struct program *p, uint32_t x, uint32_t n)
{
	for (uint32_t k = 1; k < n; k++)
		if (x + k == p->ninsns || p->insns[x + k].part != p->insns[x].part ||
		    p->insns[x + k].leader || !p->insns[x + k - 1].falls)
			return false;
	return true;
}

/* x reads the secret into a register: does it arm? A second place that does is not understood. */
static bool match_arm(struct canary *c, uint32_t x)
{
	const struct insn *i = &c->p->insns[x];
	int r = register64(i, 0);

	if (c->arm != NO_INSN || r < 0 || !straight(c->p, x, 2) ||
	    !is_mnemonic(&i[1], ZYDIS_MNEMONIC_MOV) || register64(&i[1], 1) != r)
		return false;
	c->arm = x;
	c->slot = own_slot(&i[1]);
	c->arm_len = 2;
	/* The xor is there to leave no copy of the secret; it goes if nobody reads the zero. */
	if (straight(c->p, x, SEQUENCE + 1) && is_mnemonic(&i[2], ZYDIS_MNEMONIC_XOR) &&
	    i[2].op[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    i[2].op[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    reg_number(i[2].op[0].reg.value) == r && reg_number(i[2].op[1].reg.value) == r &&
	    i[2].op[0].size >= 32 && !i[3].flags_in && !(i[3].live_in >> r & 1))
		c->arm_len = SEQUENCE;
	return c->slot != NO_SLOT && i[1].falls && !(i[2].live_in >> r & 1);
}

/* x subtracts the secret from a register: is it the middle of a check? */
static bool match_check(struct canary *c, uint32_t x)
{
	const struct insn *i;
	int r;

	if (c->nchecks == CHECKS_MAX || x == 0 || !straight(c->p, x - 1, SEQUENCE))
		return false;
	i = &c->p->insns[x - 1];
	r = register64(&i[0], 0);
	if (!is_mnemonic(&i[0], ZYDIS_MNEMONIC_MOV) || r < 0 || register64(&i[1], 0) != r ||
	    own_slot(&i[0]) == NO_SLOT || own_slot(&i[0]) != c->slot)
		return false;
	if (i[2].flow != FLOW_COND || !is_mnemonic(&i[2], ZYDIS_MNEMONIC_JNZ) ||
	    i[2].target == NO_INSN || (c->fail != NO_INSN && c->fail != i[2].target))
		return false;
	c->fail = i[2].target;
	c->check[c->nchecks++] = x - 1;
	return !i[3].flags_in && !(i[3].live_in >> r & 1);
}

/* Find all sequences, and refuse any other instruction that reads the secret. */
static bool match_all(struct canary *c)
{
	/* The slot is known only behind the arming, which may lie behind a check in the text. */
	for (int checks = 0; checks < 2; checks++) {
		for_each_insn(c->p, c->f, i, x)
		{
			if (!i->reachable || !names_secret(i))
				continue;
			if (!reads_secret(i))
				return false;
			if (i->z.mnemonic == ZYDIS_MNEMONIC_MOV) {
				if (!checks && !match_arm(c, x))
					return false;
			} else if (i->z.mnemonic != ZYDIS_MNEMONIC_SUB ||
				   (checks && !match_check(c, x))) {
				return false;
			}
		}
	}
	return c->arm != NO_INSN && c->nchecks;
}

/* Is x the first instruction of a check? */
static bool is_check(const struct canary *c, uint32_t x)
{
	for (uint32_t k = 0; k < c->nchecks; k++)
		if (c->check[k] == x)
			return true;
	return false;
}

/* Nobody else comes to the call of __stack_chk_fail, and that is what it is. */
static bool fail_is_private(const struct canary *c)
{
	const struct insn *fail = &c->p->insns[c->fail];

	if (insn_func(c->p, fail) != c->f || fail->flow != FLOW_CALL || !fail->import ||
	    strcmp(c->p->object->symbols[fail->import].name, "__stack_chk_fail") != 0)
		return false;
	for_each_insn(c->p, c->f, i, x)
	{
		if (!i->reachable)
			continue;
		if (i->target == c->fail && !(x >= 2 && is_check(c, x - 2)))
			return false;
		if (i->falls && x + 1 == c->fail)
			return false;
	}
	return true;
}

/* Nothing but the sequences names a byte of the slot, or takes its address. */
static bool slot_is_private(const struct canary *c)
{
	for_each_insn(c->p, c->f, i, x)
	{
		struct state s = { .depth = i->depth, .frame = i->frame };
		struct memref ref[MEMREF_MAX];
		unsigned n = i->reachable ? memref_collect(i, ref) : 0;
		int offset;

		if (!i->reachable || x == c->arm + 1 || is_check(c, x))
			continue;
		if (stack_address(i, &offset) && offset >= c->slot && offset < c->slot + 8)
			return false;
		for (unsigned k = 0; k < n; k++) {
			if (ref[k].class == MEM_STACK_INDEX)
				offset = (int)ref[k].disp - i->depth;
			else if (!facts_stack_offset(&s, &ref[k], &offset))
				continue;
			if (offset < c->slot + 8 && offset + (int)ref[k].size > c->slot)
				return false;
		}
		/* push and pop name their place by rsp alone */
		if ((i->z.mnemonic == ZYDIS_MNEMONIC_PUSH && -i->depth - 8 == c->slot) ||
		    (i->z.mnemonic == ZYDIS_MNEMONIC_POP && -i->depth == c->slot))
			return false;
	}
	return true;
}

/* The state of the slot behind instruction x; NOT_KNOWN if x must not be in state `before`. */
static enum armed step(const struct canary *c, uint32_t x, enum armed before)
{
	const struct insn *i = &c->p->insns[x];
	bool leaves = i->flow == FLOW_RET || i->flow == FLOW_TAIL ||
		      (i->target != NO_INSN && i->flow != FLOW_CALL &&
		       insn_func(c->p, &c->p->insns[i->target]) != c->f);

	if (x == c->arm + 1)
		return before == CLEAR ? ARMED : NOT_KNOWN;
	if (x >= 2 && is_check(c, x - 2))
		return before == ARMED ? CLEAR : NOT_KNOWN;
	return leaves && before != CLEAR ? NOT_KNOWN : before;
}

/* Forward over all paths: each comes to each instruction in one and the same state. */
static bool paths_agree(const struct canary *c)
{
	uint8_t *state = zalloc(c->p->ninsns, sizeof(*state));
	uint32_t *work = zalloc(c->p->ninsns, sizeof(*work)), n = 0;

	state[c->f->entry] = CLEAR;
	work[n++] = c->f->entry;
	while (n) {
		uint32_t x = work[--n], next[2] = { NO_INSN, NO_INSN };
		const struct insn *i = &c->p->insns[x];
		enum armed after = step(c, x, state[x]);

		if (x == c->fail)
			continue;
		if (after == NOT_KNOWN)
			return false;
		if (i->falls)
			next[0] = x + 1;
		if (i->target != NO_INSN && i->flow != FLOW_CALL && i->target != c->fail &&
		    insn_func(c->p, &c->p->insns[i->target]) == c->f)
			next[1] = i->target;
		for (int k = 0; k < 2; k++) {
			if (next[k] == NO_INSN || state[next[k]] == after)
				continue;
			if (state[next[k]] != NOT_KNOWN)
				return false;
			state[next[k]] = (uint8_t)after;
			work[n++] = next[k];
		}
	}
	return true;
}

/* Does a branch lead to x? Then it may run more often than what lies before it. */
static bool is_branch_target(const struct canary *c, uint32_t x)
{
	for_each_insn(c->p, c->f, i, y) if (i->reachable && i->target == x) return true;
	return false;
}

/* From here on the passes see instructions that do nothing. */
static void drop(struct canary *c, uint32_t x, uint32_t n)
{
	bool counted = !is_branch_target(c, x + n);

	for (uint32_t k = 0; k < n; k++) {
		struct insn *i = &c->p->insns[x + k];

		i->flow = FLOW_DROP;
		i->target = NO_INSN;
		i->canary = counted;
	}
	c->f->n.canary += n;
}

bool canary_drop(struct program *p, struct func *f)
{
	struct canary c = { .p = p, .f = f, .slot = NO_SLOT, .arm = NO_INSN, .fail = NO_INSN };

	if (!match_all(&c) || !fail_is_private(&c) || !slot_is_private(&c) || !paths_agree(&c))
		return false;
	drop(&c, c.arm, c.arm_len);
	for (uint32_t k = 0; k < c.nchecks; k++)
		drop(&c, c.check[k], SEQUENCE);
	p->insns[c.fail].reachable = false;
	f->n.canary++;
	return true;
}
