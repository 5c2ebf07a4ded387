/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors, memory, files: see util.h. */
#include "util.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Names in a message come from the files that are read: only printable ASCII goes out. */
static void say(const char *format, va_list args)
{
	char line[1024];

	vsnprintf(line, sizeof(line), format, args);
	for (char *p = line; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	fflush(stdout);
	fprintf(stderr, "derive: %s\n", line);
}

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	exit(1);
}

void *zalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		fail("out of memory");
	return p;
}

void *grow(void *array, uint32_t count, uint32_t *capacity, size_t size)
{
	uint32_t more = *capacity ? *capacity * 2 : 64;

	if (count < *capacity)
		return array;
	array = realloc(array, (size_t)more * size);
	if (!array)
		fail("out of memory");
	memset((char *)array + *capacity * size, 0, (more - *capacity) * size);
	*capacity = more;
	return array;
}

char *format_string(const char *format, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		fail("out of memory");
	va_end(args);
	return text;
}

/* Read once: what is checked is what is used. */
uint8_t *read_file(const char *path, size_t limit, size_t *size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes;
	long end;

	if (!f || fseek(f, 0, SEEK_END) || (end = ftell(f)) < 0 || fseek(f, 0, SEEK_SET))
		fail("%s: %s", path, strerror(errno));
	if ((size_t)end > limit)
		fail("%s: larger than %zu MiB", path, limit >> 20);
	bytes = zalloc((size_t)end + 1, 1);
	if (fread(bytes, 1, (size_t)end, f) != (size_t)end)
		fail("%s: cannot be read", path);
	fclose(f);
	*size = (size_t)end;
	return bytes;
}

void write_file(const char *path, const void *bytes, size_t size)
{
	char *part = format_string("%s.part", path);
	FILE *f = fopen(part, "wb");
	bool ok;

	if (!f)
		fail("%s: %s", part, strerror(errno));
	ok = fwrite(bytes, 1, size, f) == size;
	ok = fclose(f) == 0 && ok;
	if (ok && rename(part, path) == 0)
		return;
	unlink(part);
	fail("%s: cannot be written", path);
}

#ifdef __SANITIZE_ADDRESS__
/* Nothing is ever freed, on purpose; ask only for the errors. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif
