/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypervisor's file, an ELF64 executable that is loaded by physical addresses below 4 GiB. */
#ifndef BOOT_EFI_ELF_H
#define BOOT_EFI_ELF_H

#include "lib/types.h"

#define ELF_SEGMENTS 8

struct elf_segment {
	uint32_t to, bytes, zeros; /* hpa; bytes from the file, then so many zero bytes */
	uint32_t offset;           /* in the file */
};

struct elf_program {
	struct elf_segment segment[ELF_SEGMENTS];
	unsigned int count;
	uint32_t entry;      /* hpa, inside of a segment */
	uint32_t start, end; /* hpa: all segments lie between them */
};

/* Reads a file of so many bytes. NULL, or what is wrong with it. */
const char *elf_read(struct elf_program *p, const void *file, uint64_t size);

#endif
