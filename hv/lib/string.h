/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few string routines the hypervisor needs. Same meaning as ISO C unless said otherwise;
 * callable in any context, never fail, never allocate.
 */
#ifndef HV_LIB_STRING_H
#define HV_LIB_STRING_H

#include "lib/types.h"

/* Compiled to rep movsq/stosq: under an emulator one REP iteration costs one instruction. */
void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strstr(const char *s, const char *what);

/* Copies at most size-1 bytes and always ends dst with NUL (size > 0). Returns strlen(src). */
size_t strlcpy(char *dst, const char *src, size_t size);

/*
 * Reads an unsigned number at *s, decimal or 0x hexadecimal, and moves *s behind it.
 * With suffix K, M or G it is multiplied (1024-based). Returns 0, or -EINVAL when there is no
 * digit or the value does not fit 64 bits (then *s is unchanged).
 */
int parse_u64(const char **s, uint64_t *value);

#endif
