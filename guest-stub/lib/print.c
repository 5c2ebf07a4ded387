/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/print.h"
#include "lib/uart.h"

#include <stdbool.h>
#include <stdint.h>

#define LINE_MAX_BYTES 256

struct sink {
	char *at, *end;
};

static void put(struct sink *s, char c)
{
	if (s->at < s->end)
		*s->at++ = c;
}

static void put_text(struct sink *s, const char *text, int width)
{
	if (!text)
		text = "(null)";
	for (; *text; text++, width--)
		put(s, *text);
	for (; width > 0; width--)
		put(s, ' ');
}

static void put_number(struct sink *s, uint64_t value, unsigned int base, int width, char pad)
{
	char digits[20];
	int n = 0;

	do
		digits[n++] = "0123456789abcdef"[value % base];
	while (value /= base);
	for (; width > n; width--)
		put(s, pad);
	while (n)
		put(s, digits[--n]);
}

static void put_signed(struct sink *s, int64_t value, int width, char pad)
{
	if (value < 0) {
		put(s, '-');
		put_number(s, 0 - (uint64_t)value, 10, width - 1, pad);
	} else {
		put_number(s, (uint64_t)value, 10, width, pad);
	}
}

/* One conversion; *format points behind the '%'. Returns the first character after it. */
static const char *convert(struct sink *s, const char *format, va_list *args)
{
	const char *start = format;
	char pad = *format == '0' ? '0' : ' ';
	bool wide = false;
	int width = 0;

	for (; *format >= '0' && *format <= '9'; format++)
		width = width * 10 + *format - '0';
	for (; *format == 'l'; format++)
		wide = true;
	switch (*format) {
	case 's':
		put_text(s, va_arg(*args, const char *), width);
		break;
	case 'c':
		put(s, (char)va_arg(*args, int));
		break;
	case 'd':
		put_signed(s, wide ? va_arg(*args, int64_t) : va_arg(*args, int), width, pad);
		break;
	case 'u':
	case 'x':
		put_number(s, wide ? va_arg(*args, uint64_t) : va_arg(*args, unsigned int),
			   *format == 'x' ? 16 : 10, width, pad);
		break;
	default:
		put(s, '%');
		return *start == '%' ? start + 1 : start;
	}
	return format + 1;
}

size_t print_to_va(char *buffer, size_t size, const char *format, va_list args)
{
	struct sink s = { buffer, buffer + size - 1 };
	va_list copy;

	va_copy(copy, args);
	while (*format) {
		if (*format == '%')
			format = convert(&s, format + 1, &copy);
		else
			put(&s, *format++);
	}
	va_end(copy);
	*s.at = '\0';
	return (size_t)(s.at - buffer);
}

size_t print_to(char *buffer, size_t size, const char *format, ...)
{
	va_list args;
	size_t n;

	va_start(args, format);
	n = print_to_va(buffer, size, format, args);
	va_end(args);
	return n;
}

void print_va(const char *format, va_list args)
{
	char line[LINE_MAX_BYTES];

	uart_write(line, print_to_va(line, sizeof(line), format, args));
}

void print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_va(format, args);
	va_end(args);
}
