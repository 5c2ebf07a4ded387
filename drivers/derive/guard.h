/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where guards go: the plan that emit.c carries out. */
#ifndef DERIVE_GUARD_H
#define DERIVE_GUARD_H

#include "facts.h"

/*
 * Plan the guards of f (fields guard.. and address of its instructions) and count them. Needs
 * liveness and the stack analysis.
 */
void guard_plan(struct program *p, struct func *f, const struct options *o);

/*
 * A register that may be destroyed before instruction i, or -1. With `low`, only one that can be
 * encoded without a REX prefix.
 */
int guard_free_register(const struct insn *i, bool low);

/* Does the instruction name ah, ch, dh or bh, so that it cannot have a REX prefix? */
bool guard_needs_low(const struct insn *i);

/*
 * The instruction before which reg can be guarded for an access in x without saving flags: x, or
 * one before it in its block; NO_INSN if there is none.
 */
uint32_t guard_point(const struct program *p, uint32_t x, int reg);

/*
 * early.c: turn some of the planned guards into early ones (nearly), where that makes other
 * guards needless. True if there are new ones: the plan must be made again.
 */
bool early_place(struct program *p, struct func *f, const struct options *o);

#endif
