/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prototypes of functions from BTF (Documentation/bpf/btf.rst in Linux): the kernel's own, and
 * a module's, which is split: its type numbers and strings continue those of the kernel.
 */
#ifndef DERIVE_BTF_H
#define DERIVE_BTF_H

#include <stdbool.h>
#include <stdint.h>

#include "../twin_abi.h"

struct btf;

/* What a call needs to know. Argument codes are TWIN_ARG_ of twin_abi.h. */
struct proto {
	bool known; /* false: no BTF, two different ones, an aggregate by value, too many args */
	bool varargs;
	uint8_t nargs;
	uint8_t ret;
	uint8_t args[TWIN_ARGS_MAX];
};

/*
 * Parse a .BTF section. `base` is the kernel's BTF for a module, NULL for the kernel. `name`
 * is for messages. Fails on anything that is out of bounds. The bytes must stay.
 */
struct btf *btf_load(const char *name, const uint8_t *bytes, uint32_t size, const struct btf *base);

/* Prototype of the function of that name in this BTF (not in its base). */
struct proto btf_proto(const struct btf *btf, const char *function);

#endif
