/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Basic types of the hypervisor.
 *
 * An address says what space it lives in, by type and by the end of its name:
 *   hpa  host-physical                    gpa  guest-physical of one VM
 *   dva  virtual in the driver VM         hva  a C pointer of the hypervisor
 * Only functions named A_to_B() convert between them.
 */
#ifndef HV_LIB_TYPES_H
#define HV_LIB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t hpa_t;
typedef uint64_t gpa_t;
typedef uint64_t dva_t;

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096UL
#define PAGE_MASK  (~(PAGE_SIZE - 1))

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)
#define TIB(n) ((uint64_t)(n) << 40)

#define ARRAY_SIZE(a)         (sizeof(a) / sizeof((a)[0]))
#define ALIGN_UP(x, a)        (((x) + (a)-1) & ~((uint64_t)(a)-1))
#define ALIGN_DOWN(x, a)      ((x) & ~((uint64_t)(a)-1))
#define MIN(a, b)             ((a) < (b) ? (a) : (b))
#define MAX(a, b)             ((a) > (b) ? (a) : (b))
#define BIT(n)                (1UL << (n))
#define container_of(p, t, m) ((t *)((char *)(p)-offsetof(t, m)))

#define __packed       __attribute__((packed))
#define __aligned(n)   __attribute__((aligned(n)))
#define __noinline     __attribute__((noinline))
#define __noreturn     __attribute__((noreturn))
#define __noinline     __attribute__((noinline)) /* keeps what is rare out of what is not */
#define __format(f, a) __attribute__((format(printf, f, a)))

#define ASSERT_SIZE(t, n)      _Static_assert(sizeof(t) == (n), "size of " #t)
#define ASSERT_OFFSET(t, m, n) _Static_assert(offsetof(t, m) == (n), "offset of " #t "." #m)

#endif
