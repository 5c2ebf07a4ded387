/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stack-protector sequences, which a twin does not need. */
#ifndef DERIVE_CANARY_H
#define DERIVE_CANARY_H

#include "program.h"

/*
 * Turn the canary of f into nothing, if all of it is what gcc's stack protector emits: see
 * canary.c. Anything else stays and works as before. Needs liveness and the stack analysis; true
 * if something was dropped, and then liveness is that of the old code.
 */
bool canary_drop(struct program *p, struct func *f);

#endif
