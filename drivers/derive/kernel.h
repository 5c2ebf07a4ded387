/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The dvm's kernel: its version, what it exports and what the exports are. Read from the vmlinux
 * that the packaged vmlinuz contains, so exactly the kernel the module will run in.
 */
#ifndef DERIVE_KERNEL_H
#define DERIVE_KERNEL_H

#include "btf.h"
#include "object.h"

enum export_kind { EXPORT_NONE, EXPORT_FUNCTION, EXPORT_DATA, EXPORT_PERCPU };

struct kernel {
	const char *release; /* "6.1.0-56-amd64" */
	const struct btf *btf;
	struct export *exports; /* sorted by name */
	uint32_t nexports;
};

struct export
{
	const char *name;
	uint32_t crc; /* of its prototype (CONFIG_MODVERSIONS) */
	uint8_t kind; /* enum export_kind */
};

struct kernel *kernel_load(const char *path);

/* The export of that name, or NULL (then another module exports it, or nobody does). */
const struct export *kernel_export(const struct kernel *k, const char *name);

/*
 * Fails unless the module was built for this very kernel: release in its vermagic, and the CRC
 * of each symbol in its __versions section.
 */
void kernel_check_module(const struct kernel *k, const struct object *module);

#endif
