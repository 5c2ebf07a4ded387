/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Formatting of text. */
#include "lib/printf.h"

#include "lib/string.h"

struct out {
	char *buf;
	size_t size, len;
};

struct spec {
	bool left, zero, upper, is_signed;
	int width, precision; /* precision -1: none */
	unsigned int base;
	int longs;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_padded(struct out *o, const struct spec *s, const char *text, size_t n)
{
	int pad = s->width > (int)n ? s->width - (int)n : 0;

	for (; !s->left && pad > 0; pad--)
		put(o, ' ');
	while (n--)
		put(o, *text++);
	for (; pad > 0; pad--)
		put(o, ' ');
}

static void put_number(struct out *o, struct spec *s, uint64_t v)
{
	const char *digits = s->upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[72];
	size_t n = sizeof(text);
	bool minus = s->is_signed && (int64_t)v < 0;

	if (minus)
		v = -v;
	do
		text[--n] = digits[v % s->base];
	while (v /= s->base);
	while (s->zero && !s->left && (int)(sizeof(text) - n) < s->width - minus && n > 1)
		text[--n] = '0';
	if (minus)
		text[--n] = '-';
	put_padded(o, s, text + n, sizeof(text) - n);
}

static const char *parse_spec(const char *f, struct spec *s)
{
	*s = (struct spec){ .precision = -1, .base = 10 };
	for (;; f++) {
		if (*f == '-')
			s->left = true;
		else if (*f == '0')
			s->zero = true;
		else
			break;
	}
	for (; *f >= '0' && *f <= '9'; f++)
		s->width = s->width * 10 + *f - '0';
	if (*f == '.') {
		s->precision = 0;
		for (f++; *f >= '0' && *f <= '9'; f++)
			s->precision = s->precision * 10 + *f - '0';
	}
	for (; *f == 'l' || *f == 'z'; f++)
		s->longs++;
	return f;
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
	if (!text)
		text = "(null)";
	put_padded(o, s, text, s->precision < 0 ? strlen(text) : strnlen(text, s->precision));
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = { buf, size, 0 };
	struct spec s;
	char c;

	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt = parse_spec(fmt + 1, &s);
		switch (*fmt) {
		case 'c':
			c = va_arg(ap, int);
			put_padded(&o, &s, &c, 1);
			break;
		case 's':
			put_string(&o, &s, va_arg(ap, const char *));
			break;
		case 'd':
		case 'i':
			s.is_signed = true;
			put_number(&o, &s, s.longs ? va_arg(ap, int64_t) : va_arg(ap, int));
			break;
		case 'p':
			s.longs = 1;
			/* fall through */
		case 'x':
		case 'X':
			s.base = 16;
			s.upper = *fmt == 'X';
			/* fall through */
		case 'u':
			put_number(&o, &s,
				   s.longs ? va_arg(ap, uint64_t) : va_arg(ap, unsigned int));
			break;
		case 0:
			fmt--;
			break;
		default:
			put(&o, *fmt);
		}
	}
	if (size)
		buf[MIN(o.len, size - 1)] = 0;
	return o.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
