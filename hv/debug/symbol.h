/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Address -> name, from the text table (output of `nm -n`) given as boot module `symbols`. */
#ifndef HV_DEBUG_SYMBOL_H
#define HV_DEBUG_SYMBOL_H

#include "lib/types.h"

/* The table stays where it is and must not change; a broken one is ignored with a warning. */
void symbol_init(const char *table, size_t size);

/*
 * Writes `name+0xoff` for an address of the hypervisor's text, else the bare number.
 * Returns buf. Any context.
 */
const char *symbol_format(uint64_t addr, char *buf, size_t size);

#endif
