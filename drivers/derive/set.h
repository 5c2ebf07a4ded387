/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which functions are derived: the closure of the entries and targets over direct calls. */
#ifndef DERIVE_SET_H
#define DERIVE_SET_H

#include "program.h"

/* Mark in_set, upcall and address_taken. Fails if the description names an unknown function. */
void set_build(struct program *p);

/* Instead: every function of the module. */
void set_build_all(struct program *p);

/*
 * After the analyses: a refused function of the set fails the run, with all reasons. With
 * `leave_out` it becomes an upcall instead and the reasons go to the report.
 */
void set_settle(struct program *p, bool leave_out);

/* Is f entered directly by the hv? Then it is no target of indirect calls. */
bool set_is_entry(const struct program *p, const struct func *f);

/*
 * Which calls may be reached while a lock of the dvm is held: xmit is entered under one, and
 * spin lock routines take and release them. Returns for each instruction whether it is so.
 */
bool *set_locked(struct program *p);

/*
 * Bound on the bytes of stack below the rsp at f's entry: over direct calls, and over each
 * target of indirect calls once. Refuses f if it may call itself.
 */
uint32_t set_stack_bytes(struct program *p, struct func *f);

#endif
