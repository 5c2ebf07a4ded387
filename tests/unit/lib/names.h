/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Included before every file of these tests. The hypervisor's own string and print routines get
 * other names than the C library's, so that both are in one program; host_* are the library's.
 */
#ifndef TESTS_UNIT_LIB_NAMES_H
#define TESTS_UNIT_LIB_NAMES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void *host_memmove(void *dst, const void *src, size_t n)
{
	return memmove(dst, src, n);
}

static inline int host_memcmp(const void *a, const void *b, size_t n)
{
	return memcmp(a, b, n);
}

static inline int host_strcmp(const char *a, const char *b)
{
	return strcmp(a, b);
}

static inline int host_strncmp(const char *a, const char *b, size_t n)
{
	return strncmp(a, b, n);
}

static inline char *host_strstr(const char *s, const char *what)
{
	return strstr(s, what);
}

static inline int host_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	return vsnprintf(buf, size, fmt, ap);
}

#define memcpy    hv_memcpy
#define memmove   hv_memmove
#define memset    hv_memset
#define memcmp    hv_memcmp
#define strlen    hv_strlen
#define strnlen   hv_strnlen
#define strcmp    hv_strcmp
#define strncmp   hv_strncmp
#define strchr    hv_strchr
#define strstr    hv_strstr
#define strlcpy   hv_strlcpy
#define snprintf  hv_snprintf
#define vsnprintf hv_vsnprintf

#endif
