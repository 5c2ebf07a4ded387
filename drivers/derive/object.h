/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The input files as ELF: sections, symbols and relocations of the module, sections of the
 * kernel. Everything is checked against the size of the file and of the section it points into,
 * so that later passes may follow every index and offset without a check of their own.
 */
#ifndef DERIVE_OBJECT_H
#define DERIVE_OBJECT_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reloc {
	uint32_t offset; /* in the section it applies to; the field fits */
	uint32_t type;   /* R_X86_64_ */
	uint32_t symbol;
	int64_t addend;
};

struct section {
	const char *name;
	uint32_t type;  /* SHT_ */
	uint64_t flags; /* SHF_ */
	uint64_t address;
	uint32_t size;
	const uint8_t *data;  /* `size` bytes; NULL for SHT_NOBITS */
	bool code;            /* executable */
	struct reloc *relocs; /* sorted by offset */
	uint32_t nrelocs;
};

struct symbol {
	const char *name; /* of the section, for a section symbol */
	uint32_t section; /* SHN_UNDEF = import, SHN_ABS, or an index of a section */
	uint64_t value;   /* at most the section's size */
	uint64_t size;
	uint8_t type; /* STT_ */
};

struct object {
	const char *path;
	const uint8_t *file;
	size_t size;
	struct section *sections; /* [0] is empty, as in ELF */
	uint32_t nsections;
	struct symbol *symbols; /* [0] is empty */
	uint32_t nsymbols;
};

/*
 * Read an ELF64 file for x86-64 whose e_type is `type` (ET_REL: with symbols and relocations;
 * ET_EXEC: sections only). Fails with one line that names the file and what is wrong with it.
 */
struct object *object_load(const char *path, unsigned type);

/* The first section of that name, or NULL. */
struct section *object_section(const struct object *o, const char *name);

/* Number of a section of this object. */
uint32_t section_index(const struct object *o, const struct section *s);

/*
 * Value of KEY in the module's .modinfo ("KEY=VALUE" strings); NULL if there is none. The value
 * is NUL-terminated inside the file.
 */
const char *object_modinfo(const struct object *o, const char *key);

#endif
