/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Export tables, version and BTF of a vmlinux. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

#define BANNER "Linux version "

/* include/linux/export.h with CONFIG_HAVE_ARCH_PREL32_RELOCATIONS: places relative to themselves */
struct kernel_symbol {
	int32_t value, name, name_space;
};

/* include/linux/module.h */
struct modversion_info {
	uint64_t crc;
	char name[64 - sizeof(uint64_t)];
};

/* The banner is the one place that has the release as text in every build. */
static const char *find_release(const struct object *o)
{
	const struct section *s = object_section(o, ".rodata");
	const uint8_t *at = s && s->data ? memmem(s->data, s->size, BANNER, strlen(BANNER)) : NULL;
	const char *text;
	size_t n;

	if (!at)
		fail("%s: not a Linux kernel (no version banner)", o->path);
	text = (const char *)at + strlen(BANNER);
	n = strnlen(text, (size_t)(s->data + s->size - (const uint8_t *)text));
	for (size_t i = 0; i < n; i++)
		if (text[i] == ' ')
			return format_string("%.*s", (int)i, text);
	fail("%s: the version banner is cut off", o->path);
}

/*
 * What an export is follows from the section its address lies in. Per-CPU variables have
 * addresses from 0, which are offsets into each CPU's area.
 */
static uint8_t classify(const struct object *o, uint64_t address)
{
	const struct section *percpu = object_section(o, ".data..percpu");

	if (percpu && address >= percpu->address && address - percpu->address < percpu->size)
		return EXPORT_PERCPU;
	for (uint32_t i = 1; i < o->nsections; i++) {
		const struct section *s = &o->sections[i];

		if ((s->flags & SHF_ALLOC) && address >= s->address &&
		    address - s->address < s->size)
			return s->code ? EXPORT_FUNCTION : EXPORT_DATA;
	}
	return EXPORT_DATA;
}

/* An entry is 12 bytes: value and name relative to their own place, and a name space. */
static void load_exports(struct kernel *k, const struct object *o, const char *table,
			 const char *crcs, uint32_t *capacity)
{
	const struct section *s = object_section(o, table), *c = object_section(o, crcs);
	const struct section *names = object_section(o, "__ksymtab_strings");

	if (!s || !s->data || !names || !names->data || !names->size ||
	    names->data[names->size - 1] != 0)
		fail("%s: has no export table %s", o->path, table);
	for (uint32_t i = 0; i < s->size / sizeof(struct kernel_symbol); i++) {
		uint32_t at = i * sizeof(struct kernel_symbol);
		struct kernel_symbol y;
		struct export e = { 0 };
		uint64_t name;

		memcpy(&y, s->data + at, sizeof(y));
		name = s->address + at + 4 + (uint64_t)(int64_t)y.name - names->address;
		if (name >= names->size)
			fail("%s: %s: entry %u has no name", o->path, table, i);
		e.name = (const char *)names->data + name;
		e.kind = classify(o, s->address + at + (uint64_t)(int64_t)y.value);
		if (c && c->data && (i + 1) * 4 <= c->size)
			memcpy(&e.crc, c->data + i * 4, 4);
		k->exports = grow(k->exports, k->nexports, capacity, sizeof(*k->exports));
		k->exports[k->nexports++] = e;
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct export *)a)->name, ((const struct export *)b)->name);
}

struct kernel *kernel_load(const char *path)
{
	struct object *o = object_load(path, ET_EXEC);
	struct kernel *k = zalloc(1, sizeof(*k));
	const struct section *btf = object_section(o, ".BTF");
	uint32_t capacity = 0;

	k->release = find_release(o);
	load_exports(k, o, "__ksymtab", "__kcrctab", &capacity);
	load_exports(k, o, "__ksymtab_gpl", "__kcrctab_gpl", &capacity);
	qsort(k->exports, k->nexports, sizeof(*k->exports), by_name);
	if (!btf || !btf->data)
		fail("%s: has no BTF (CONFIG_DEBUG_INFO_BTF)", path);
	k->btf = btf_load(path, btf->data, btf->size, NULL);
	return k;
}

const struct export *kernel_export(const struct kernel *k, const char *name)
{
	struct export key = { .name = name };

	return bsearch(&key, k->exports, k->nexports, sizeof(key), by_name);
}

/* CRCs cover prototypes and structure layouts: the release alone would miss a rebuilt kernel. */
static void check_crcs(const struct kernel *k, const struct object *m)
{
	const struct section *s = object_section(m, "__versions");
	uint32_t n = s && s->data ? s->size / sizeof(struct modversion_info) : 0;

	for (uint32_t i = 0; i < n; i++) {
		struct modversion_info v;
		const struct export *e;

		memcpy(&v, s->data + i * sizeof(v), sizeof(v));
		if (!memchr(v.name, 0, sizeof(v.name)))
			fail("%s: broken __versions section", m->path);
		e = kernel_export(k, v.name);
		if (e && e->crc != (uint32_t)v.crc)
			fail("%s: built for another kernel: the prototype of %s differs "
			     "(CRC 0x%08x, "
			     "the kernel has 0x%08x)",
			     m->path, v.name, (uint32_t)v.crc, e->crc);
	}
}

void kernel_check_module(const struct kernel *k, const struct object *m)
{
	const char *vermagic = object_modinfo(m, "vermagic");
	size_t n;

	if (!vermagic)
		fail("%s: not a kernel module (no vermagic)", m->path);
	n = strcspn(vermagic, " ");
	if (strlen(k->release) != n || strncmp(vermagic, k->release, n) != 0)
		fail("%s: built for kernel %.*s, but the vmlinux is %s", m->path, (int)n, vermagic,
		     k->release);
	check_crcs(k, m);
}
