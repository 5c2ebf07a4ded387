/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which registers and flags may still be used: a guard destroys the flags, and a guard of a
 * computed address needs a register that is free.
 */
#ifndef DERIVE_LIVE_H
#define DERIVE_LIVE_H

#include "program.h"

#define LIVE_FLAGS                                                                   \
	(ZYDIS_CPUFLAG_CF | ZYDIS_CPUFLAG_PF | ZYDIS_CPUFLAG_AF | ZYDIS_CPUFLAG_ZF | \
	 ZYDIS_CPUFLAG_SF | ZYDIS_CPUFLAG_OF)

/* Registers an instruction reads (also partly overwritten ones), and ones it replaces wholly. */
void live_registers(const struct insn *i, regset *use, regset *def);

/* Registers it writes, wholly or in part. */
regset live_written(const struct insn *i);

/* Registers that occur in it in any way. */
regset live_mentioned(const struct insn *i);

/* Fill live_in and flags_in of all instructions of f. */
void live_solve(struct program *p, struct func *f);

#endif
