/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The instructions that derive knows to be harmless once their memory accesses are. */
#ifndef DERIVE_ALLOW_H
#define DERIVE_ALLOW_H

#include "program.h"

/* Refuse f if a reachable instruction of it is not on the list, with the reason. */
void allow_check(struct program *p, struct func *f);

#endif
