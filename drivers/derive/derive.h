/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The passes in one call, for the commands of main.c. */
#ifndef DERIVE_DERIVE_H
#define DERIVE_DERIVE_H

#include <stdio.h>

#include "facts.h"
#include "twin.h"

struct job {
	const char *module, *conf, *vmlinux; /* input files */
	const char *output;                  /* .twin, or NULL */
	struct options options;
	bool all; /* every function, leaving out what is refused */
};

/*
 * Derive. The result is complete: text, tables and maps. Fails, naming each function and reason,
 * if something of the set is refused (unless job->all).
 */
struct twin *derive(const struct job *job);

/* report.c: what was done, as text or as one JSON object. */
void report_text(const struct twin *t, FILE *to);
void report_json(const struct twin *t, FILE *to);

/* diff.c: a function as it was and as it is, side by side. Fails if it is not derived. */
void diff_print(const struct twin *t, const char *function, FILE *to);

#endif
