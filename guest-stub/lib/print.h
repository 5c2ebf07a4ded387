/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Formatted text to the console, synchronously.
 *
 * Conversions: %s %c %d %u %x %%, with l or ll for 64 bits, a width, and a leading 0. Anything
 * else is printed as it stands. A line is cut off at 255 bytes. Machine-readable lines have the
 * form "WORD: key=value key=value ...".
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

__attribute__((format(printf, 1, 2))) void print(const char *format, ...);
void print_va(const char *format, va_list args);

/* Into a buffer, always terminated (size > 0). Returns the length that was stored. */
__attribute__((format(printf, 3, 4))) size_t print_to(char *buffer, size_t size, const char *format,
						      ...);
size_t print_to_va(char *buffer, size_t size, const char *format, va_list args);
