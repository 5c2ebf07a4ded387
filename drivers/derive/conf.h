/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The description of a driver: the few things that are not in its binary. A text file, one
 * statement a line, '#' starts a comment:
 *
 * 	module  NAME		the module's name; must agree with the .ko
 * 	entry   ROLE FUNCTION	the hv calls FUNCTION; ROLE is intr, poll or xmit
 * 	target  FUNCTION	a value of a function pointer that the hot code calls
 * 	upcall  FUNCTION	a function of the module that stays in the dvm
 * 	native  SYMBOL		a kernel routine that the hv implements (only for the reports)
 */
#ifndef DERIVE_CONF_H
#define DERIVE_CONF_H

#include <stdbool.h>
#include <stdint.h>

enum conf_verb { CONF_ENTRY, CONF_TARGET, CONF_UPCALL, CONF_NATIVE };

struct conf_line {
	enum conf_verb verb;
	uint32_t role; /* CONF_ENTRY: enum twin_role */
	const char *name;
	uint32_t line; /* for messages */
};

struct conf {
	const char *path;
	const char *module;
	struct conf_line *lines;
	uint32_t nlines;
};

/* Fails with file, line and the unknown or malformed word. */
struct conf *conf_load(const char *path);

/* Is there a line `verb name`? */
bool conf_has(const struct conf *c, enum conf_verb verb, const char *name);

const char *role_name(uint32_t role);

#endif
