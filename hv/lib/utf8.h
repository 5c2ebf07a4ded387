/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is this a character in UTF-8 (Unicode 15, table 3-7)? For text of VMs that goes to a terminal:
 * C1 control codes are no characters here, neither as bytes 0x80-0x9f nor as U+0080-U+009F, for a
 * terminal may obey both. Pure; any context.
 */
#ifndef HV_LIB_UTF8_H
#define HV_LIB_UTF8_H

#include "lib/types.h"

#define UTF8_MAX 4 /* bytes of a character */

enum utf8 {
	UTF8_BAD,   /* no character begins like that */
	UTF8_PART,  /* more must follow */
	UTF8_WHOLE, /* exactly one character */
};

/* Of n bytes, 1 to UTF8_MAX, whose first n-1 are UTF8_PART (or n is 1), and which are not ASCII. */
enum utf8 utf8_check(const uint8_t *s, unsigned int n);

#endif
