/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Engine stlb: which accesses go through a lookup (twin_abi.h), and in which registers. All but
 * those of the two stacks and of the gs block do, also those of constant addresses: resolving them
 * when the twin is loaded would fix pages of the hv for as long as it is attached.
 */
#ifndef DERIVE_LOOKUP_H
#define DERIVE_LOOKUP_H

#include "program.h"

/* Plan the lookups of f (field lookup of its instructions) and count them. */
void lookup_plan(struct program *p, struct func *f);

#endif
