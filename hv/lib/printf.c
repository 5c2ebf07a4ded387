/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Formatting of text. */
#include "lib/printf.h"

#include "lib/string.h"

struct out {
	char *buf;
	size_t size, len;
};

struct spec {
	bool left, zero, upper, is_signed, is_long;
	int width, precision; /* precision -1: none */
	unsigned int base;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_text(struct out *o, const char *text, size_t n)
{
	while (n--)
		put(o, *text++);
}

static void put_padded(struct out *o, const struct spec *s, const char *text, size_t n)
{
	int pad = s->width > (int)n ? s->width - (int)n : 0;

	for (; !s->left && pad > 0; pad--)
		put(o, ' ');
	put_text(o, text, n);
	for (; pad > 0; pad--)
		put(o, ' ');
}

/* A sign goes before the zeros but behind the blanks that pad. */
static void put_number(struct out *o, const struct spec *s, uint64_t v)
{
	const char *digits = s->upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[24];
	size_t n = sizeof(text);
	bool minus = s->is_signed && (int64_t)v < 0;

	if (minus)
		v = -v;
	do
		text[--n] = digits[v % s->base];
	while (v /= s->base);
	if (s->zero && !s->left) {
		if (minus)
			put(o, '-');
		for (int i = sizeof(text) - n + minus; i < s->width; i++)
			put(o, '0');
		put_text(o, text + n, sizeof(text) - n);
		return;
	}
	if (minus)
		text[--n] = '-';
	put_padded(o, s, text + n, sizeof(text) - n);
}

/* A width or precision: digits, or `*` for the next argument. */
static const char *parse_count(const char *f, int *count, va_list *ap)
{
	*count = 0;
	if (*f == '*') {
		*count = va_arg(*ap, int);
		return f + 1;
	}
	for (; *f >= '0' && *f <= '9'; f++)
		*count = *count * 10 + *f - '0';
	return f;
}

static const char *parse_spec(const char *f, struct spec *s, va_list *ap)
{
	*s = (struct spec){ .precision = -1, .base = 10 };
	for (; *f == '-' || *f == '0'; f++) {
		s->left |= *f == '-';
		s->zero |= *f == '0';
	}
	f = parse_count(f, &s->width, ap);
	if (s->width < 0) { /* only from `*` */
		s->left = true;
		s->width = -s->width;
	}
	if (*f == '.')
		f = parse_count(f + 1, &s->precision, ap);
	for (; *f == 'l' || *f == 'z'; f++)
		s->is_long = true;
	return f;
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
	if (!text)
		text = "(null)";
	put_padded(o, s, text, s->precision < 0 ? strlen(text) : strnlen(text, s->precision));
}

/* One conversion: its argument, by its letter. */
static void put_converted(struct out *o, struct spec *s, char letter, va_list *ap)
{
	char c;

	switch (letter) {
	case 'c':
		c = va_arg(*ap, int);
		put_padded(o, s, &c, 1);
		break;
	case 's':
		put_string(o, s, va_arg(*ap, const char *));
		break;
	case 'd':
	case 'i':
		s->is_signed = true;
		put_number(o, s, s->is_long ? va_arg(*ap, int64_t) : va_arg(*ap, int));
		break;
	case 'p':
		s->is_long = true;
		/* fall through */
	case 'x':
	case 'X':
		s->base = 16;
		s->upper = letter == 'X';
		/* fall through */
	case 'u':
		put_number(o, s, s->is_long ? va_arg(*ap, uint64_t) : va_arg(*ap, unsigned int));
		break;
	default: /* %%, and what is not known is shown as it is */
		if (letter != '%')
			put(o, '%');
		put(o, letter);
	}
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = { buf, size, 0 };
	struct spec s;
	va_list args;

	va_copy(args, ap); /* a parameter of array type has no address that can be passed on */
	while (*fmt) {
		if (*fmt != '%') {
			put(&o, *fmt++);
			continue;
		}
		fmt = parse_spec(fmt + 1, &s, &args);
		if (*fmt)
			put_converted(&o, &s, *fmt++, &args);
	}
	va_end(args);
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
