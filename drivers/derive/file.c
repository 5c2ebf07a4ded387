/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The .twin file: header and tables of twin_abi.h inside an ELF file that tools can open. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "sha256.h"
#include "twin.h"
#include "util.h"

struct blob {
	uint8_t *bytes;
	uint32_t size, capacity;
};

/* Append with alignment; returns where. */
static uint32_t put(struct blob *b, const void *bytes, size_t n, uint32_t align)
{
	uint32_t at = (b->size + align - 1) & ~(align - 1);

	if (at + n > TWIN_FILE_MAX)
		fail("the twin is larger than %u MiB", TWIN_FILE_MAX >> 20);
	while (at + n > b->capacity)
		b->bytes = grow(b->bytes, b->capacity, &b->capacity, 1);
	if (n)
		memcpy(b->bytes + at, bytes, n);
	b->size = at + (uint32_t)n;
	return at;
}

/* How a table looks in memory and what its ELF section is called. */
struct table {
	const char *section;
	const void *data;
	uint32_t count;
	uint32_t size; /* of an element */
	uint32_t align;
};

/* The order is that of enum twin_table_id. */
static void describe(const struct twin *t, struct table table[TWIN_TABLE_COUNT])
{
	const struct table all[TWIN_TABLE_COUNT] = {
		[TWIN_TABLE_TEXT] = { ".text", t->text, t->text_size, 1, 16 },
		[TWIN_TABLE_STRINGS] = { ".twin.strings", t->strings, t->strings_size, 1, 8 },
		[TWIN_TABLE_RELOCS] = { ".twin.relocs", t->relocs, t->nrelocs, sizeof(*t->relocs),
					8 },
		[TWIN_TABLE_IMPORTS] = { ".twin.imports", t->imports, t->nimports,
					 sizeof(*t->imports), 8 },
		[TWIN_TABLE_SECTIONS] = { ".twin.sections", t->sections, t->nsections,
					  sizeof(*t->sections), 8 },
		[TWIN_TABLE_FUNCTIONS] = { ".twin.functions", t->functions, t->nfunctions,
					   sizeof(*t->functions), 8 },
		[TWIN_TABLE_ENTRIES] = { ".twin.entries", t->entries, t->nentries,
					 sizeof(*t->entries), 8 },
		[TWIN_TABLE_TARGETS] = { ".twin.targets", t->targets, t->ntargets,
					 sizeof(*t->targets), 8 },
		[TWIN_TABLE_GS] = { ".twin.gs", t->gs, t->ngs, sizeof(*t->gs), 8 },
		[TWIN_TABLE_KEYS] = { ".twin.keys", t->keys, t->nkeys, sizeof(*t->keys), 8 },
		[TWIN_TABLE_TRAPS] = { ".twin.traps", t->traps, t->ntraps, sizeof(*t->traps), 8 },
		[TWIN_TABLE_BY_TWIN] = { ".twin.by_twin", t->by_twin, t->nby_twin,
					 sizeof(*t->by_twin), 8 },
		[TWIN_TABLE_BY_MODULE] = { ".twin.by_module", t->by_module, t->nby_module,
					   sizeof(*t->by_module), 8 },
	};

	memcpy(table, all, sizeof(all));
}

static void copy_text(char *to, size_t size, const char *from, const char *what)
{
	if (strlen(from) >= size)
		fail("the %s is too long: %s", what, from);
	memcpy(to, from, strlen(from));
}

static struct twin_header make_header(const struct twin *t)
{
	struct twin_header h = { .version = TWIN_VERSION,
				 .header_size = sizeof(h),
				 .flags = t->flags,
				 .engine = t->engine,
				 .facts = t->facts,
				 .guard_bit = TWIN_GUARD_BIT,
				 .slack_log2 = TWIN_SLACK_LOG2,
				 .gs_bytes = t->gs_bytes };

	memcpy(h.magic, TWIN_MAGIC, sizeof(h.magic));
	sha256(t->p->object->file, t->p->object->size, h.module_sha256);
	copy_text(h.module, sizeof(h.module), t->p->conf->module, "module's name");
	copy_text(h.vermagic, sizeof(h.vermagic), object_modinfo(t->p->object, "vermagic"),
		  "vermagic");
	return h;
}

/* ELF section names and headers, collected while the file grows. */
struct sections {
	Elf64_Shdr header[TWIN_TABLE_COUNT + 5];
	uint32_t count;
	struct blob names;
};

static void add_section(struct sections *s, const char *name, Elf64_Shdr h)
{
	h.sh_name = put(&s->names, name, strlen(name) + 1, 1);
	s->header[s->count++] = h;
}

/* Symbols for objdump and gdb: one per function. The text is ELF section 1. */
static void add_symbols(const struct twin *t, struct blob *file, struct sections *s)
{
	struct blob strings = { 0 }, symbols = { 0 };
	Elf64_Sym none = { 0 };
	uint32_t at;

	put(&strings, "", 1, 1);
	put(&symbols, &none, sizeof(none), 8);
	for (uint32_t k = 0; k < t->nfunctions; k++) {
		const char *name = twin_string_at(t, t->functions[k].name);
		Elf64_Sym y = { .st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
				.st_shndx = 1,
				.st_value = t->functions[k].twin_offset,
				.st_size = t->functions[k].twin_size };

		y.st_name = put(&strings, name, strlen(name) + 1, 1);
		put(&symbols, &y, sizeof(y), 8);
	}
	at = put(file, symbols.bytes, symbols.size, 8);
	add_section(s, ".symtab",
		    (Elf64_Shdr){ .sh_type = SHT_SYMTAB,
				  .sh_offset = at,
				  .sh_size = symbols.size,
				  .sh_link = s->count + 1,
				  .sh_info = t->nfunctions + 1,
				  .sh_addralign = 8,
				  .sh_entsize = sizeof(Elf64_Sym) });
	at = put(file, strings.bytes, strings.size, 1);
	add_section(s, ".strtab",
		    (Elf64_Shdr){ .sh_type = SHT_STRTAB,
				  .sh_offset = at,
				  .sh_size = strings.size,
				  .sh_addralign = 1 });
	free(strings.bytes);
	free(symbols.bytes);
}

/* Section headers come last, when all places are known. */
static void add_elf_header(struct blob *file, struct sections *s)
{
	Elf64_Ehdr e = { .e_type = ET_REL,
			 .e_machine = EM_X86_64,
			 .e_version = EV_CURRENT,
			 .e_ehsize = sizeof(e),
			 .e_shentsize = sizeof(Elf64_Shdr) };
	uint32_t names;

	memcpy(e.e_ident, ELFMAG, SELFMAG);
	e.e_ident[EI_CLASS] = ELFCLASS64;
	e.e_ident[EI_DATA] = ELFDATA2LSB;
	e.e_ident[EI_VERSION] = EV_CURRENT;
	e.e_shstrndx = (uint16_t)s->count;
	names = s->names.size + sizeof(".shstrtab");
	add_section(s, ".shstrtab",
		    (Elf64_Shdr){ .sh_type = SHT_STRTAB,
				  .sh_offset = file->size,
				  .sh_size = names,
				  .sh_addralign = 1 });
	put(file, s->names.bytes, s->names.size, 1);
	e.e_shnum = (uint16_t)s->count;
	e.e_shoff = put(file, s->header, s->count * sizeof(Elf64_Shdr), 8);
	memcpy(file->bytes, &e, sizeof(e));
}

void file_write(struct twin *t, const char *path)
{
	static const Elf64_Ehdr no_elf_header;
	struct twin_header h = make_header(t);
	struct table table[TWIN_TABLE_COUNT];
	struct sections s = { 0 };
	struct blob file = { 0 };

	_Static_assert(sizeof(no_elf_header) == TWIN_HEADER_OFFSET, "the header follows at once");
	describe(t, table);
	add_section(&s, "", (Elf64_Shdr){ 0 });
	put(&file, &no_elf_header, sizeof(no_elf_header), 1);
	put(&file, &h, sizeof(h), 8);
	for (int k = 0; k < TWIN_TABLE_COUNT; k++) {
		size_t bytes = (size_t)table[k].count * table[k].size;
		Elf64_Shdr section = { .sh_type = SHT_PROGBITS,
				       .sh_size = bytes,
				       .sh_addralign = table[k].align };

		h.table[k].offset = put(&file, table[k].data, bytes, table[k].align);
		h.table[k].count = table[k].count;
		section.sh_offset = h.table[k].offset;
		section.sh_flags = k == TWIN_TABLE_TEXT ? SHF_ALLOC | SHF_EXECINSTR : 0;
		add_section(&s, table[k].section, section);
	}
	add_symbols(t, &file, &s);
	add_elf_header(&file, &s);
	h.file_size = file.size;
	memcpy(file.bytes + TWIN_HEADER_OFFSET, &h, sizeof(h));
	h.crc32 = twin_crc32(0, file.bytes, file.size);
	memcpy(file.bytes + TWIN_HEADER_OFFSET, &h, sizeof(h));
	write_file(path, file.bytes, file.size);
	free(file.bytes);
	free(s.names.bytes);
}
