/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the loaders read of ELF64 files. Source: System V gABI, chapters 4 and 5. */
#ifndef HV_LIB_ELF64_H
#define HV_LIB_ELF64_H

#include "lib/types.h"

#define ET_EXEC   2
#define ET_DYN    3
#define EM_X86_64 62
#define PT_LOAD   1
#define PT_NOTE   4

struct elf64_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
ASSERT_SIZE(struct elf64_header, 64);

/* A program header. */
struct elf64_segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
ASSERT_SIZE(struct elf64_segment, 56);

#endif
