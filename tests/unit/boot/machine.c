/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a boot, warnings, physical memory. */
#include "machine.h"

#include <stdio.h>
#include <sys/mman.h>

#include "debug/log.h"
#include "debug/monitor.h"

jmp_buf boot_ended;
char failure[400];
char warnings[2000];

void boot_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(failure, sizeof(failure), fmt, ap);
	va_end(ap);
	longjmp(boot_ended, 1);
}

void log_warn(const char *fmt, ...)
{
	size_t n = strlen(warnings);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(warnings + n, sizeof(warnings) - n, fmt, ap);
	va_end(ap);
	strncat(warnings, "\n", sizeof(warnings) - strlen(warnings) - 1);
}

void log_info(const char *fmt, ...)
{
	(void)fmt;
}

void mon(const char *fmt, ...)
{
	(void)fmt;
}

void *memory_at(hpa_t hpa, uint64_t len)
{
	void *p = mmap((void *)hpa, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}
