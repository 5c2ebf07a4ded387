/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading ELF files with libelf for the headers and our own checks for everything inside. */
#include "object.h"

#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#define FILE_LIMIT ((size_t)256 << 20)

/* A name must end inside its string table; libelf does not promise that. */
static const char *string_at(const struct object *o, const struct section *table, uint32_t offset)
{
	if (!table->data || offset >= table->size ||
	    !memchr(table->data + offset, 0, table->size - offset))
		fail("%s: broken ELF: name outside of its string table", o->path);
	return (const char *)table->data + offset;
}

/* Say what the file is instead, so that a wrong argument explains itself. */
static void check_header(const struct object *o, Elf *elf, unsigned type)
{
	GElf_Ehdr h;

	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &h))
		fail("%s: not an ELF file", o->path);
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB ||
	    h.e_machine != EM_X86_64)
		fail("%s: for another architecture (ELF machine %u), not x86-64", o->path,
		     h.e_machine);
	if (h.e_type != type)
		fail("%s: ELF type %u; a %s is expected here", o->path, h.e_type,
		     type == ET_REL ? "kernel module (relocatable file)" : "vmlinux");
}

/* Sizes are limited and places checked here, once, for everything that follows. */
static void load_section(struct object *o, Elf_Scn *scn, uint32_t i, size_t names, Elf *elf)
{
	struct section *s = &o->sections[i];
	GElf_Shdr h;
	const char *name;

	if (!gelf_getshdr(scn, &h))
		fail("%s: broken ELF: section %u has no header", o->path, i);
	name = elf_strptr(elf, names, h.sh_name);
	if (!name)
		fail("%s: broken ELF: section %u has no name", o->path, i);
	if (h.sh_size > FILE_LIMIT)
		fail("%s: broken ELF: section %s is too large", o->path, name);
	s->name = name;
	s->type = h.sh_type;
	s->flags = h.sh_flags;
	s->address = h.sh_addr;
	s->size = (uint32_t)h.sh_size;
	s->code = h.sh_type == SHT_PROGBITS && (h.sh_flags & SHF_EXECINSTR);
	if (h.sh_type == SHT_NOBITS || h.sh_type == SHT_NULL)
		return;
	if (h.sh_offset > o->size || h.sh_size > o->size - h.sh_offset)
		fail("%s: truncated: section %s reaches past the end of the file", o->path, name);
	s->data = o->file + h.sh_offset;
}

static void load_sections(struct object *o, Elf *elf)
{
	size_t count, names;
	Elf_Scn *scn = NULL;

	if (elf_getshdrnum(elf, &count) || elf_getshdrstrndx(elf, &names) || count < 2)
		fail("%s: broken or truncated ELF: no section headers", o->path);
	if (count >= SHN_LORESERVE)
		fail("%s: too many sections", o->path);
	o->nsections = (uint32_t)count;
	o->sections = zalloc(count, sizeof(*o->sections));
	o->sections[0].name = "";
	for (uint32_t i = 1; i < count; i++) {
		scn = elf_nextscn(elf, scn);
		if (!scn)
			fail("%s: broken or truncated ELF: section %u is missing", o->path, i);
		load_section(o, scn, i, names, elf);
	}
}

/* A symbol beyond its section would let a relocation point anywhere. */
static void load_symbol(struct object *o, const struct section *strings, uint32_t i,
			const uint8_t *raw)
{
	struct symbol *y = &o->symbols[i];
	Elf64_Sym e;

	memcpy(&e, raw, sizeof(e));
	y->name = string_at(o, strings, e.st_name);
	y->section = e.st_shndx;
	y->value = e.st_value;
	y->size = e.st_size;
	y->type = ELF64_ST_TYPE(e.st_info);
	if (y->section == SHN_UNDEF || y->section == SHN_ABS)
		return;
	if (y->section >= o->nsections)
		fail("%s: symbol %s lies in no section (index 0x%x)", o->path, y->name, y->section);
	if (y->type == STT_SECTION)
		y->name = o->sections[y->section].name;
	if (y->value > o->sections[y->section].size ||
	    y->size > o->sections[y->section].size - y->value)
		fail("%s: broken ELF: symbol %s lies outside of its section", o->path, y->name);
}

static void load_symbols(struct object *o, Elf *elf)
{
	uint32_t table = 0, strings;
	GElf_Shdr h;

	for (uint32_t i = 1; i < o->nsections; i++)
		if (o->sections[i].type == SHT_SYMTAB)
			table = i;
	if (!table || !gelf_getshdr(elf_getscn(elf, table), &h))
		fail("%s: has no symbol table", o->path);
	strings = h.sh_link;
	if (strings >= o->nsections)
		fail("%s: broken ELF: symbol table without strings", o->path);
	o->nsymbols = o->sections[table].size / sizeof(Elf64_Sym);
	o->symbols = zalloc(o->nsymbols, sizeof(*o->symbols));
	for (uint32_t i = 0; i < o->nsymbols; i++)
		load_symbol(o, &o->sections[strings], i,
			    o->sections[table].data + i * sizeof(Elf64_Sym));
}

/* Only the types that occur in modules; others are taken as 4 bytes and refused where used. */
static uint32_t field_size(uint32_t type)
{
	return type == R_X86_64_64 || type == R_X86_64_PC64 ? 8 : 4;
}

static int by_offset(const void *a, const void *b)
{
	uint32_t x = ((const struct reloc *)a)->offset, y = ((const struct reloc *)b)->offset;

	return (x > y) - (x < y);
}

/* Relocations are copied out and sorted: later passes look them up by offset. */
static void load_relocs(struct object *o, const struct section *from, uint32_t to)
{
	struct section *s;

	if (to == 0 || to >= o->nsections)
		fail("%s: broken ELF: %s applies to no section", o->path, from->name);
	s = &o->sections[to];
	if (s->relocs)
		fail("%s: broken ELF: two relocation tables for %s", o->path, s->name);
	s->nrelocs = from->size / sizeof(Elf64_Rela);
	s->relocs = zalloc(s->nrelocs, sizeof(*s->relocs));
	for (uint32_t i = 0; i < s->nrelocs; i++) {
		struct reloc *r = &s->relocs[i];
		Elf64_Rela e;

		memcpy(&e, from->data + i * sizeof(e), sizeof(e));
		r->type = ELF64_R_TYPE(e.r_info);
		r->symbol = ELF64_R_SYM(e.r_info);
		r->addend = e.r_addend;
		if (r->symbol >= o->nsymbols || e.r_offset > s->size ||
		    field_size(r->type) > s->size - e.r_offset)
			fail("%s: broken ELF: relocation %u of %s is out of range", o->path, i,
			     s->name);
		if (r->addend != (int32_t)r->addend)
			fail("%s: relocation %u of %s has an addend over 2 GiB", o->path, i,
			     s->name);
		r->offset = (uint32_t)e.r_offset;
	}
	qsort(s->relocs, s->nrelocs, sizeof(*s->relocs), by_offset);
}

static void load_all_relocs(struct object *o, Elf *elf)
{
	for (uint32_t i = 1; i < o->nsections; i++) {
		GElf_Shdr h;

		if (!gelf_getshdr(elf_getscn(elf, i), &h))
			continue;
		if (h.sh_type == SHT_REL)
			fail("%s: section %s: relocations without addends are not supported",
			     o->path, o->sections[i].name);
		if (h.sh_type == SHT_RELA)
			load_relocs(o, &o->sections[i], h.sh_info);
	}
}

/* The file stays in memory: section data and names are pointers into it. */
struct object *object_load(const char *path, unsigned type)
{
	struct object *o = zalloc(1, sizeof(*o));
	Elf *elf;

	o->path = path;
	o->file = read_file(path, FILE_LIMIT, &o->size);
	elf_version(EV_CURRENT);
	elf = elf_memory((char *)o->file, o->size);
	if (!elf)
		fail("%s: not an ELF file", path);
	check_header(o, elf, type);
	load_sections(o, elf);
	if (type == ET_REL) {
		load_symbols(o, elf);
		load_all_relocs(o, elf);
	}
	return o; /* the libelf handle stays open: section names point into it */
}

struct section *object_section(const struct object *o, const char *name)
{
	for (uint32_t i = 1; i < o->nsections; i++)
		if (strcmp(o->sections[i].name, name) == 0)
			return &o->sections[i];
	return NULL;
}

uint32_t section_index(const struct object *o, const struct section *s)
{
	return (uint32_t)(s - o->sections);
}

const char *object_modinfo(const struct object *o, const char *key)
{
	const struct section *s = object_section(o, ".modinfo");
	size_t n = strlen(key);

	if (!s || !s->data || s->size == 0 || s->data[s->size - 1] != 0)
		return NULL;
	for (uint32_t at = 0; at < s->size;) {
		const char *text = (const char *)s->data + at;

		if (strncmp(text, key, n) == 0 && text[n] == '=')
			return text + n + 1;
		at += (uint32_t)strlen(text) + 1;
	}
	return NULL;
}
