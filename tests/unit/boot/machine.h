/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of this folder share: the end of a boot, warnings, memory below 2 GiB. */
#ifndef TESTS_UNIT_BOOT_MACHINE_H
#define TESTS_UNIT_BOOT_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/multiboot2.h"

extern jmp_buf boot_ended;
extern char failure[400];   /* what the last boot_fail() said */
extern char warnings[2000]; /* of log_warn(), a line each */

/* The statement ends the boot, with a line that has the text in it. */
#define assert_boot_fails(statement, text)                       \
	do {                                                     \
		if (setjmp(boot_ended) == 0) {                   \
			statement;                               \
			fail_msg("%s", "the boot went on");      \
		}                                                \
		if (!strstr(failure, text))                      \
			fail_msg("not '%s': %s", text, failure); \
	} while (0)

#define assert_warned(text)                                       \
	do {                                                      \
		if (!strstr(warnings, text))                      \
			fail_msg("not '%s': %s", text, warnings); \
	} while (0)

/* Zeroed memory at exactly this address; the same again gives it back. */
void *memory_at(hpa_t hpa, uint64_t len);

#endif
