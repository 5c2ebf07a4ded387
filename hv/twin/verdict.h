/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The judge's verdict on a twin, remembered. The judge is a function of its input and nothing else,
 * so an input that was accepted need not be judged again: the same bytes at the same place with the
 * same entries, traps, targets, level. Each attachment of one module to one kernel has the same, so
 * that the twin is back sooner after a stop. Only acceptance is remembered, of one input.
 */
#ifndef HV_TWIN_VERDICT_H
#define HV_TWIN_VERDICT_H

#include "lib/types.h"

struct verify_input;
struct verify_result;

/*
 * As verify_blob(); *known says whether the verdict, and *res, is an earlier one. At most
 * VERDICT_CODE_MAX bytes of code are remembered. Interrupts off.
 */
#define VERDICT_CODE_MAX KIB(256)
bool verdict_of(const struct verify_input *in, struct verify_result *res, bool *known);

/*
 * Offset of the first byte in which code of the accepted input's size differs from it; size: in
 * none, or nothing is remembered.
 */
uint32_t verdict_differs(const uint8_t *code, uint32_t size);

#endif
