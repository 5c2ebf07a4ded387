/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arithmetic on facts. Whatever overflows, or is not worth a rule, becomes unknown. See fact.h. */
#include "fact.h"

struct fact fact_any(void)
{
	return (struct fact){ .kind = FACT_ANY };
}

struct fact fact_number(int64_t lo, int64_t hi)
{
	return (struct fact){ .lo = lo, .hi = hi, .kind = FACT_NUMBER };
}

struct fact fact_pointer(int64_t lo, int64_t hi)
{
	if (lo < -FACT_REACH || hi > FACT_REACH)
		return fact_any();
	return (struct fact){ .lo = lo, .hi = hi, .kind = FACT_POINTER };
}

static struct fact make(uint8_t kind, int64_t lo, int64_t hi)
{
	return kind == FACT_POINTER ? fact_pointer(lo, hi) : fact_number(lo, hi);
}

static bool is_number(struct fact a)
{
	return a.kind == FACT_NUMBER;
}

static bool is_natural(struct fact a)
{
	return a.kind == FACT_NUMBER && a.lo >= 0;
}

static bool is_constant(struct fact a)
{
	return a.kind == FACT_NUMBER && a.lo == a.hi;
}

struct fact fact_low(struct fact a, unsigned size)
{
	int64_t most;

	if (size >= 8) {
		a.origin = 0;
		return a;
	}
	most = (1ll << (8 * size)) - 1;
	if (is_constant(a))
		return fact_number(a.lo & most, a.lo & most);
	if (is_natural(a) && a.hi <= most)
		return fact_number(a.lo, a.hi);
	return fact_number(0, most);
}

struct fact fact_sign(struct fact a, unsigned size)
{
	int64_t half;

	if (size >= 8)
		return fact_low(a, size);
	half = 1ll << (8 * size - 1);
	if (is_number(a) && a.lo >= -half && a.hi < half)
		return fact_number(a.lo, a.hi);
	return fact_number(-half, half - 1);
}

struct fact fact_blur(struct fact a, bool only_low_byte)
{
	int64_t mask = only_low_byte ? 0xff : 0xffff;

	if (a.kind == FACT_POINTER)
		return fact_pointer(a.lo - mask, a.hi + mask);
	/* Two's complement: clearing low bits rounds down, setting them rounds up, for any sign. */
	if (is_number(a))
		return fact_number(a.lo & ~mask, a.hi | mask);
	return fact_any();
}

struct fact fact_add(struct fact a, struct fact b)
{
	int64_t lo, hi;

	if (a.kind == FACT_ANY || b.kind == FACT_ANY ||
	    (a.kind == FACT_POINTER && b.kind == FACT_POINTER) ||
	    __builtin_add_overflow(a.lo, b.lo, &lo) || __builtin_add_overflow(a.hi, b.hi, &hi))
		return fact_any();
	return make(a.kind == FACT_POINTER || b.kind == FACT_POINTER ? FACT_POINTER : FACT_NUMBER,
		    lo, hi);
}

struct fact fact_sub(struct fact a, struct fact b)
{
	int64_t lo, hi;

	if (a.kind == FACT_ANY || !is_number(b) || __builtin_sub_overflow(a.lo, b.hi, &lo) ||
	    __builtin_sub_overflow(a.hi, b.lo, &hi))
		return fact_any();
	return make(a.kind, lo, hi);
}

struct fact fact_mul(struct fact a, struct fact b)
{
	int64_t p[4], lo, hi;

	if (!is_number(a) || !is_number(b) || __builtin_mul_overflow(a.lo, b.lo, &p[0]) ||
	    __builtin_mul_overflow(a.lo, b.hi, &p[1]) ||
	    __builtin_mul_overflow(a.hi, b.lo, &p[2]) || __builtin_mul_overflow(a.hi, b.hi, &p[3]))
		return fact_any();
	lo = hi = p[0];
	for (int k = 1; k < 4; k++) {
		lo = p[k] < lo ? p[k] : lo;
		hi = p[k] > hi ? p[k] : hi;
	}
	return fact_number(lo, hi);
}

/* x & m for a negative constant m is x minus at most ~m: pointers stay pointers when aligned. */
static struct fact align_down(struct fact a, int64_t mask)
{
	int64_t lo;

	if (a.kind == FACT_ANY || __builtin_sub_overflow(a.lo, ~mask, &lo))
		return fact_any();
	if (is_natural(a))
		return fact_number(0, a.hi);
	return make(a.kind, lo, a.hi);
}

struct fact fact_and(struct fact a, struct fact b)
{
	if (is_natural(a) && is_natural(b))
		return fact_number(0, a.hi < b.hi ? a.hi : b.hi);
	if (is_natural(a) || is_natural(b))
		return fact_number(0, is_natural(a) ? a.hi : b.hi);
	if (is_constant(b))
		return align_down(a, b.lo);
	if (is_constant(a))
		return align_down(b, a.lo);
	return fact_any();
}

struct fact fact_shl(struct fact a, unsigned by)
{
	if (by > 62)
		return fact_any();
	return fact_mul(a, fact_number(1ll << by, 1ll << by));
}

struct fact fact_shr(struct fact a, unsigned by)
{
	if (is_natural(a))
		return fact_number(a.lo >> by, a.hi >> by);
	if (!by)
		return fact_low(a, 8);
	return fact_number(0, (int64_t)(~0ull >> by));
}

struct fact fact_sar(struct fact a, unsigned by)
{
	if (is_number(a))
		return fact_number(a.lo >> by, a.hi >> by);
	return fact_number(INT64_MIN >> by, INT64_MAX >> by);
}

/* A number near 0 is a pointer too: -1, whose bit 47 is set, and n + 1. */
static struct fact as_pointer(struct fact a)
{
	if (!is_number(a) || a.lo < -FACT_REACH || a.hi >= FACT_REACH)
		return a.kind == FACT_POINTER ? a : fact_any();
	return fact_pointer(a.lo + 1, a.hi + 1);
}

/* What holds for both, leaving aside origin and written bytes. */
static struct fact hull(struct fact a, struct fact b)
{
	if (a.kind != b.kind) {
		a = as_pointer(a);
		b = as_pointer(b);
	}
	if (a.kind == FACT_ANY || b.kind == FACT_ANY)
		return fact_any();
	return make(a.kind, a.lo < b.lo ? a.lo : b.lo, a.hi > b.hi ? a.hi : b.hi);
}

/* A growing upper bound goes up to -1, or below a power of two: it grows only so often. */
static int64_t leap(int64_t hi)
{
	uint64_t power = 1;

	if (hi < 0)
		return -1;
	while (power <= (uint64_t)hi)
		power *= 2;
	return (int64_t)(power - 1);
}

bool fact_join(struct fact *a, struct fact b, bool widen)
{
	struct fact r = hull(*a, b);
	bool weaker = r.kind != a->kind || r.lo != a->lo || r.hi != a->hi;

	if (weaker && widen && r.kind != FACT_ANY)
		r = make(r.kind, r.lo < a->lo ? ~leap(~r.lo) : r.lo,
			 r.hi > a->hi ? leap(r.hi) : r.hi);
	r.origin = a->origin == b.origin ? a->origin : 0;
	r.written = a->written & b.written;
	weaker = weaker || r.origin != a->origin || r.written != a->written;
	*a = r;
	return weaker;
}

bool fact_accessible(struct fact a, unsigned size)
{
	return a.kind != FACT_ANY && a.lo >= -FACT_REACH && a.hi <= FACT_REACH - (int64_t)size;
}
