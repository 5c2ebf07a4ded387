/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the machine's registers and memory hold when code that was accepted runs in it. */
#ifndef FUZZ_HOSTILE_H
#define FUZZ_HOSTILE_H

#include <stdbool.h>
#include <stdint.h>

#define REACH (1ull << 40) /* of the zones that R2 keeps empty */

/*
 * An address that must not be reached, a border, a small number, anything. gentle: mostly pointers
 * into the driver VM's memory and small numbers, which let the code run on.
 */
uint64_t hostile_value(bool gentle);

#endif
