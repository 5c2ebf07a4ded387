/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Formatting: %c %s %d %i %u %x %X %p %% with width (or *), the flags 0 and -, precision (or .*)
 * for %s alone, and the lengths l, ll and z. %p is %lx. What is not known is printed as it stands.
 * Callable in any context; no floating point; never writes beyond size.
 */
#ifndef HV_LIB_PRINTF_H
#define HV_LIB_PRINTF_H

#include <stdarg.h>
#include "lib/types.h"

/* Both return the length that the whole text would have, and end buf with NUL when size > 0. */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int snprintf(char *buf, size_t size, const char *fmt, ...) __format(3, 4);

#endif
