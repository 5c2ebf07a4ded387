/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal of an invocation (R19): which objects changed hands in it. pool.c marks its objects,
 * castor.c holds back what was put into its rings. When the invocation ends both become valid; when
 * it is killed the objects are forgotten and what was held back never arrives, because nobody knows
 * whether the driver's rings still name them. Called by run_invocation() alone.
 */
#ifndef HV_TWIN_JOURNAL_H
#define HV_TWIN_JOURNAL_H

#include "lib/types.h"

void journal_begin(void);
void journal_end(bool killed);

#endif
