/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a .twin file for the host program: checks its form and relocates its text with addresses
 * like those of a real boot. Not part of the judge; the hypervisor has its own loader.
 */
#ifndef VERIFY_TWINFILE_H
#define VERIFY_TWINFILE_H

#include "../twin_abi.h"
#include "verify.h"

struct twinfile {
	uint8_t *bytes; /* the whole file; text is relocated in place */
	size_t size;
	const struct twin_header *header;
	uint32_t *entries, *traps;
	struct verify_target *targets; /* sorted by address */
	struct verify_input input;     /* ready for the judge but for work, strict, stack_limit */
};

/*
 * Read, check and relocate. Returns NULL, or one line that says what is wrong with the file (static
 * memory). twinfile_close() frees everything in either case.
 */
const char *twinfile_open(struct twinfile *t, const char *path);
void twinfile_close(struct twinfile *t);

/* Name of the function that covers a text offset, and the distance from its start; or NULL. */
const char *twinfile_function(const struct twinfile *t, uint32_t offset, uint32_t *distance);

#endif
