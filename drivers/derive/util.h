/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors, memory and files for a program that runs once and exits. Memory is never given back:
 * everything lives as long as the module that is derived. Nothing here returns on failure.
 */
#ifndef DERIVE_UTIL_H
#define DERIVE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Print "derive: MESSAGE" to stderr and exit with status 1. The one way to give up. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* The same without giving up: one of several problems. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* n zeroed elements of `size` bytes. n may be 0. */
void *zalloc(size_t n, size_t size);

/*
 * Make room for one more element: returns `array`, moved if it was full. New room is zeroed.
 * `*capacity` is in elements and belongs to this function (start with 0 and array NULL).
 */
void *grow(void *array, uint32_t count, uint32_t *capacity, size_t size);

/* A formatted string that is never freed. */
char *format_string(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The whole file; at most `limit` bytes, else fails. One NUL byte follows that is not counted. */
uint8_t *read_file(const char *path, size_t limit, size_t *size);

/*
 * Write `size` bytes to `path` so that the name never stands for an incomplete file: a temporary
 * file beside it is filled and renamed. On failure the temporary file is removed.
 */
void write_file(const char *path, const void *bytes, size_t size);

#endif
