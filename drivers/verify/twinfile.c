/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reader of .twin files. Every number in the file is checked before it is used. See twinfile.h. */
#include "twinfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../boot/layout_abi.h"

/* Where things lie in a plausible boot: only the halves and the distances matter. */
#define TEXT_BASE    TWIN_BASE
#define IMPORT_BASE  (TWIN_BASE + 0x1000000ull)
#define MODULE_BASE  0xffffffffc0000000ull
#define KERNEL_BASE  0xffffffff82000000ull
#define STACK_OFFSET (0xffff888005b50000ull - (STACK_BASE + 0x10000ull))

static const size_t element_size[TWIN_TABLE_COUNT] = {
	[TWIN_TABLE_TEXT] = 1,
	[TWIN_TABLE_STRINGS] = 1,
	[TWIN_TABLE_RELOCS] = sizeof(struct twin_reloc),
	[TWIN_TABLE_IMPORTS] = sizeof(struct twin_import),
	[TWIN_TABLE_SECTIONS] = sizeof(struct twin_section),
	[TWIN_TABLE_FUNCTIONS] = sizeof(struct twin_function),
	[TWIN_TABLE_ENTRIES] = sizeof(struct twin_entry),
	[TWIN_TABLE_TARGETS] = sizeof(struct twin_target),
	[TWIN_TABLE_GS] = sizeof(struct twin_gs),
	[TWIN_TABLE_KEYS] = sizeof(struct twin_key),
	[TWIN_TABLE_TRAPS] = sizeof(struct twin_trap),
	[TWIN_TABLE_BY_TWIN] = sizeof(struct twin_map),
	[TWIN_TABLE_BY_MODULE] = sizeof(struct twin_map),
};

static const char *read_file(struct twinfile *t, const char *path)
{
	FILE *f = fopen(path, "rb");
	long size = -1;

	if (!f)
		return strerror(errno);
	if (!fseek(f, 0, SEEK_END))
		size = ftell(f);
	rewind(f);
	if (size < 0 || size > (long)TWIN_FILE_MAX) {
		fclose(f);
		return "not a regular file, or larger than 64 MiB";
	}
	t->bytes = malloc((size_t)size + 1);
	t->size = t->bytes ? fread(t->bytes, 1, (size_t)size, f) : 0;
	fclose(f);
	return t->size == (size_t)size ? NULL : "cannot be read";
}

static const void *table(const struct twinfile *t, enum twin_table_id id, uint32_t *count)
{
	*count = t->header->table[id].count;
	return t->bytes + t->header->table[id].offset;
}

static uint32_t file_crc(const struct twinfile *t)
{
	const size_t at = TWIN_HEADER_OFFSET + offsetof(struct twin_header, crc32);
	const uint8_t zero[4] = { 0 };
	uint32_t crc = twin_crc32(0, t->bytes, at);

	crc = twin_crc32(crc, zero, 4);
	return twin_crc32(crc, t->bytes + at + 4, t->size - at - 4);
}

static const char *check_header(struct twinfile *t)
{
	const struct twin_header *h;

	if (t->size < TWIN_HEADER_OFFSET + sizeof(*h))
		return "truncated: no room for a header";
	h = t->header = (const void *)(t->bytes + TWIN_HEADER_OFFSET);
	if (memcmp(h->magic, TWIN_MAGIC, sizeof(h->magic)))
		return "not a .twin file";
	if (h->version != TWIN_VERSION || h->header_size != sizeof(*h))
		return "another version of the file format";
	if (h->file_size != t->size)
		return "truncated or extended: size differs from the header's";
	if (h->crc32 != file_crc(t))
		return "damaged: CRC differs";
	if (h->engine > TWIN_ENGINE_STLB)
		return "made for an engine that is not known";
	if (h->guard_bit != TWIN_GUARD_BIT || h->slack_log2 != TWIN_SLACK_LOG2)
		return "made for another guard";
	for (int k = 0; k < TWIN_TABLE_COUNT; k++)
		if (h->table[k].offset % 8 || h->table[k].offset > t->size ||
		    h->table[k].count > (t->size - h->table[k].offset) / element_size[k])
			return "a table lies outside of the file";
	return NULL;
}

static uint64_t import_address(uint32_t k)
{
	return IMPORT_BASE + 64ull * k;
}

/* Value of a relocation; false if its index is bad. */
static bool reloc_value(const struct twinfile *t, const struct twin_reloc *r, uint64_t *value)
{
	uint32_t sections = t->header->table[TWIN_TABLE_SECTIONS].count;
	uint32_t imports = t->header->table[TWIN_TABLE_IMPORTS].count;

	switch (r->type) {
	case TWIN_R_SEC32:
		*value = MODULE_BASE + 0x100000ull * r->index + (int64_t)r->addend;
		return r->index < sections;
	case TWIN_R_DATA32:
		*value = KERNEL_BASE + 4096ull * r->index + (int64_t)r->addend;
		return r->index < imports;
	case TWIN_R_CALL32:
		*value = import_address(r->index) - (TEXT_BASE + r->where + 4);
		return r->index < imports;
	case TWIN_R_STACK64:
		*value = STACK_OFFSET;
		return true;
	default:
		return false;
	}
}

static const char *relocate(struct twinfile *t)
{
	uint32_t n, size = t->header->table[TWIN_TABLE_TEXT].count;
	uint8_t *text = t->bytes + t->header->table[TWIN_TABLE_TEXT].offset;
	const struct twin_reloc *r = table(t, TWIN_TABLE_RELOCS, &n);

	for (; n--; r++) {
		uint32_t width = r->type == TWIN_R_STACK64 ? 8 : 4;
		uint64_t value;

		if (!reloc_value(t, r, &value))
			return "a relocation names nothing";
		if (size < width || r->where > size - width)
			return "a relocation lies outside of the text";
		if (width == 4 && value != (uint64_t)(int64_t)(int32_t)value)
			return "a relocated value does not fit";
		memcpy(text + r->where, &value, width);
	}
	return NULL;
}

static uint32_t target_flags(const struct twin_import *m)
{
	if (m->kind == TWIN_IMPORT_MISS)
		return VERIFY_TARGET_MISS_OF(m->reg);
	return (m->flags & TWIN_IMPORT_NORETURN ? VERIFY_TARGET_NORETURN : 0) |
	       (m->kind == TWIN_IMPORT_THUNK ? VERIFY_TARGET_THUNK : 0);
}

/* Imports have rising addresses, so the list is sorted as it is made. */
static const char *collect_targets(struct twinfile *t)
{
	uint32_t n;
	const struct twin_import *m = table(t, TWIN_TABLE_IMPORTS, &n);

	t->targets = calloc(n + 1, sizeof(*t->targets));
	if (!t->targets)
		return "out of memory";
	for (uint32_t k = 0; k < n; k++) {
		struct verify_target *v = &t->targets[t->input.nr_targets];

		if (m[k].kind == TWIN_IMPORT_DATA)
			continue;
		v->addr = import_address(k);
		v->flags = target_flags(&m[k]);
		/* How much a call with variable arguments passes is not known here. */
		v->stack_args = m[k].flags & TWIN_IMPORT_VARARGS ? 0 : 8u * m[k].nstack;
		t->input.nr_targets++;
	}
	t->input.targets = t->targets;
	return NULL;
}

static const char *collect_entries(struct twinfile *t)
{
	uint32_t entries, targets, functions, traps;
	const struct twin_entry *e = table(t, TWIN_TABLE_ENTRIES, &entries);
	const struct twin_target *g = table(t, TWIN_TABLE_TARGETS, &targets);
	const struct twin_function *f = table(t, TWIN_TABLE_FUNCTIONS, &functions);
	const struct twin_trap *w = table(t, TWIN_TABLE_TRAPS, &traps);

	t->entries = calloc((size_t)entries + targets + 1, sizeof(*t->entries));
	t->traps = calloc((size_t)traps + 1, sizeof(*t->traps));
	if (!t->entries || !t->traps)
		return "out of memory";
	for (; entries--; e++) {
		if (e->function >= functions)
			return "an entry names no function";
		t->entries[t->input.nr_entries++] = f[e->function].twin_offset;
	}
	for (; targets--; g++)
		t->entries[t->input.nr_entries++] = g->twin_offset;
	for (; traps--; w++)
		t->traps[t->input.nr_traps++] = w->twin_offset;
	t->input.entries = t->entries;
	t->input.traps = t->traps;
	return NULL;
}

const char *twinfile_open(struct twinfile *t, const char *path)
{
	const char *bad;

	*t = (struct twinfile){ 0 };
	bad = read_file(t, path);
	if (!bad)
		bad = check_header(t);
	if (!bad)
		bad = relocate(t);
	if (!bad)
		bad = collect_targets(t);
	if (!bad)
		bad = collect_entries(t);
	if (bad)
		return bad;
	t->input.code = t->bytes + t->header->table[TWIN_TABLE_TEXT].offset;
	t->input.size = t->header->table[TWIN_TABLE_TEXT].count;
	t->input.base = TEXT_BASE;
	t->input.gs_size = TWIN_GS_BLOCK_BYTES;
	t->input.lookups = t->header->engine == TWIN_ENGINE_STLB;
	t->input.second_stack = STACK_OFFSET;
	return NULL;
}

void twinfile_close(struct twinfile *t)
{
	free(t->bytes);
	free(t->entries);
	free(t->traps);
	free(t->targets);
	*t = (struct twinfile){ 0 };
}

const char *twinfile_function(const struct twinfile *t, uint32_t offset, uint32_t *distance)
{
	uint32_t n, strings;
	const struct twin_function *f = table(t, TWIN_TABLE_FUNCTIONS, &n);
	const char *names = table(t, TWIN_TABLE_STRINGS, &strings);

	for (; n--; f++) {
		if (offset < f->twin_offset || offset - f->twin_offset >= f->twin_size)
			continue;
		if (f->name >= strings || names[strings - 1])
			return NULL;
		*distance = offset - f->twin_offset;
		return names + f->name;
	}
	return NULL;
}
