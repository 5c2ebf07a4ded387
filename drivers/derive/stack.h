/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two stacks. rsp stays on a stack of the hv that no guarded access can reach, so return
 * addresses and spills are safe. Locals whose address is taken must be reachable for the dvm:
 * they lie on a second stack in dvm memory, at the same offsets plus a constant distance.
 */
#ifndef DERIVE_STACK_H
#define DERIVE_STACK_H

#include "facts.h"
#include "program.h"

/*
 * Check the stack discipline of f (refusing what breaks it), fill depth and frame of its
 * instructions and find the part of its frame that goes to the second stack.
 */
void stack_analyse(struct program *p, struct func *f);

enum stack_use {
	STACK_SAFE,   /* not of the second stack */
	STACK_SECOND, /* operand on the second stack */
};

/* Where a place of the frame lies, `offset` relative to the entry's rsp. */
enum stack_use stack_place(const struct func *f, int offset);

/* Is i an instruction that yields the address of a stack object? *offset: of which. */
bool stack_address(const struct insn *i, int *offset);

#endif
