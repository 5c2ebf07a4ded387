/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the judge knows of a 64-bit value, and arithmetic on it.
 *
 * A value is a number n with lo <= n <= hi (signed), or a pointer g + n, modulo 2^64, where bit 47
 * of g is set and lo <= n <= hi. An access may go to g + n for |n| below FACT_REACH: the low 48
 * bits are then in the upper half or less than 1 TiB outside of it, where nothing is mapped (R1,
 * R2). The neighbourhood of 0 has the same property, as -1 has bit 47 set: a number near 0 is a
 * legal address too. No fact depends on the outcome of a comparison, so none is false while a
 * processor runs ahead on a wrong guess.
 */
#ifndef VERIFY_FACT_H
#define VERIFY_FACT_H

#include <stdbool.h>
#include <stdint.h>

#define FACT_REACH (1ll << 40)

enum fact_kind { FACT_ANY, FACT_NUMBER, FACT_POINTER };

struct fact {
	int64_t lo, hi;
	uint8_t kind;    /* enum fact_kind */
	uint8_t origin;  /* 1 + number of the register whose value at entry this is, or 0 */
	uint8_t written; /* stack slot: which of its bytes the function has written */
};

struct fact fact_any(void);
struct fact fact_number(int64_t lo, int64_t hi);
struct fact fact_pointer(int64_t lo, int64_t hi); /* unknown when beyond FACT_REACH */

/* The value zero-extended from its low `size` bytes. */
struct fact fact_low(struct fact a, unsigned size);
/* The value sign-extended from its low `size` bytes. */
struct fact fact_sign(struct fact a, unsigned size);
/* The value after its low 8 bits, or its low 16, were replaced by anything. */
struct fact fact_blur(struct fact a, bool only_low_byte);

struct fact fact_add(struct fact a, struct fact b);
struct fact fact_sub(struct fact a, struct fact b);
struct fact fact_mul(struct fact a, struct fact b);
struct fact fact_and(struct fact a, struct fact b);
struct fact fact_shl(struct fact a, unsigned by);
struct fact fact_shr(struct fact a, unsigned by);
struct fact fact_sar(struct fact a, unsigned by);

/* *a becomes what holds for both; with `widen` bounds grow in leaps. Changed? */
bool fact_join(struct fact *a, struct fact b, bool widen);

/* May `size` bytes at this address be accessed? */
bool fact_accessible(struct fact a, unsigned size);

#endif
