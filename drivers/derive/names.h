/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel symbols that mean something to derive beyond "an import". */
#ifndef DERIVE_NAMES_H
#define DERIVE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/* Register of __x86_indirect_thunk_REG, -1 if the name is none. */
int name_thunk(const char *symbol);

/* Does a call of it never return? The list is objtool's (tools/objtool/check.c). */
bool name_noreturn(const char *symbol);

/* +1: takes a spin lock, -1: releases one, 0: neither. */
int name_lock(const char *symbol);

/*
 * Size of a kernel variable that the hv keeps in the gs block for the twin to read (R10), 0 for any
 * other symbol: jiffies stands still in the dvm while that sleeps.
 */
uint32_t name_kept_bytes(const char *symbol);

/* Section whose relocations describe code for the loader, not pointers that the code uses. */
bool name_metadata_section(const char *section);

#endif
