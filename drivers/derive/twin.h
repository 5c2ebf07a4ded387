/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The twin while it is made: the tables of twin_abi.h as growing arrays, and the derived
 * instructions before they have addresses.
 */
#ifndef DERIVE_TWIN_H
#define DERIVE_TWIN_H

#include "../twin_abi.h"
#include "encode.h"
#include "memref.h"
#include "program.h"

enum item_form {
	ITEM_PLAIN, /* bytes are final, but for relocations and gs offsets */
	ITEM_JUMP,  /* jmp to `target`, rel8 or rel32 */
	ITEM_COND,  /* jcc to `target`, rel8 or rel32; bytes[0] is the condition code */
	ITEM_CALL,  /* call of `target` */
};

/* One derived instruction. */
struct item {
	uint32_t insn; /* it was made for this instruction of the module */
	uint8_t kind;  /* enum twin_map_kind */
	uint8_t form;  /* enum item_form */
	uint8_t length;
	uint8_t bytes[CODE_MAX];
	uint32_t target;  /* instruction of the module whose first item the branch leads to */
	uint8_t reloc_at; /* field offset, if reloc.type is not 0 */
	struct twin_reloc reloc;
	uint32_t offset; /* layout: in the text */
	bool wide;       /* layout: rel32 */
};

struct twin {
	struct program *p;
	uint32_t flags; /* TWIN_FLAG_ */
	uint8_t facts, engine;
	struct item *items;
	uint32_t nitems, items_capacity;
	uint32_t *first_item; /* by instruction of the module: item + 1, or 0 */
	uint8_t *text;
	uint32_t text_size;
	char *strings;
	uint32_t strings_size, strings_capacity;
	struct twin_reloc *relocs;
	uint32_t nrelocs, relocs_capacity;
	struct twin_import *imports;
	uint32_t nimports, imports_capacity;
	struct twin_section *sections;
	uint32_t nsections, sections_capacity;
	uint32_t *section_of; /* by ELF section: index + 1, or 0 */
	struct twin_function *functions;
	uint32_t nfunctions, functions_capacity;
	struct twin_entry *entries;
	uint32_t nentries, entries_capacity;
	struct twin_target *targets;
	uint32_t ntargets, targets_capacity;
	struct twin_gs *gs;
	uint32_t ngs, gs_capacity, gs_bytes;
	struct twin_key *keys;
	uint32_t nkeys, keys_capacity;
	struct twin_trap *traps;
	uint32_t ntraps, traps_capacity;
	struct twin_map *by_twin;
	uint32_t nby_twin, by_twin_capacity;
	struct twin_map *by_module;
	uint32_t nby_module, by_module_capacity;
};

struct twin *twin_new(struct program *p);

/* Offset of that string in TWIN_TABLE_STRINGS; equal strings are stored once. */
uint32_t twin_string(struct twin *t, const char *text);
const char *twin_string_at(const struct twin *t, uint32_t offset);

/* Index of an ELF section of the module in TWIN_TABLE_SECTIONS, added on first use. */
uint32_t twin_section_index(struct twin *t, uint32_t elf_section);

/* tables.c. Index of an import, added on first use. */
uint32_t twin_import_function(struct twin *t, const char *symbol);
uint32_t twin_import_data(struct twin *t, const char *symbol);
uint32_t twin_import_miss(struct twin *t, int reg);
uint32_t twin_import_module(struct twin *t, const struct func *f);

/* Fill the tables that do not depend on the layout: call sites' imports, gs, keys. */
void tables_before(struct twin *t);

/* maps.c: functions, entries, targets, traps and maps, after the layout. */
void tables_after(struct twin *t);

/* Place of a per-CPU access in the gs block, planned by tables_before. */
uint32_t tables_gs_offset(const struct twin *t, const char *symbol, int64_t addend);

/*
 * Does the operand lie in the gs block: per-CPU data, or a mere read of a variable that the hv
 * keeps? Then of which symbol, and where in it. False for a gs operand of an unknown kind too.
 */
bool gs_operand(const struct program *p, const struct insn *i, const struct memref *ref,
		const char **symbol, int64_t *addend);

/* emit.c: items for all functions of the set, hot parts first. */
void emit_all(struct twin *t);

/* layout.c: addresses, branch lengths, text bytes, relocations. */
void layout(struct twin *t);

/* file.c: the .twin file. */
void file_write(struct twin *t, const char *path);

/* The parts in the order of the text: hot ones as in the module, then cold ones. */
uint32_t *twin_part_order(const struct twin *t, uint32_t *count);

#endif
