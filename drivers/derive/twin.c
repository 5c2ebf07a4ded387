/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The growing tables of a twin: strings, sections, order of parts. */
#include "twin.h"

#include <string.h>

#include "util.h"

struct twin *twin_new(struct program *p)
{
	struct twin *t = zalloc(1, sizeof(*t));

	t->p = p;
	t->first_item = zalloc(p->ninsns, sizeof(*t->first_item));
	t->section_of = zalloc(p->object->nsections, sizeof(*t->section_of));
	t->gs_bytes = TWIN_GS_CANARY + 8;
	twin_string(t, "");
	return t;
}

const char *twin_string_at(const struct twin *t, uint32_t offset)
{
	return t->strings + offset;
}

uint32_t twin_string(struct twin *t, const char *text)
{
	uint32_t n = (uint32_t)strlen(text) + 1, at;

	for (at = 0; at < t->strings_size; at += (uint32_t)strlen(t->strings + at) + 1)
		if (strcmp(t->strings + at, text) == 0)
			return at;
	while (t->strings_size + n > t->strings_capacity)
		t->strings = grow(t->strings, t->strings_capacity, &t->strings_capacity, 1);
	memcpy(t->strings + t->strings_size, text, n);
	t->strings_size += n;
	return at;
}

uint32_t twin_section_index(struct twin *t, uint32_t elf_section)
{
	const struct section *s = &t->p->object->sections[elf_section];
	uint32_t *known = &t->section_of[elf_section];

	if (*known)
		return *known - 1;
	if (object_section(t->p->object, s->name) != s)
		fail("%s: two sections are called %s: the loader could not tell them apart",
		     t->p->object->path, s->name);
	t->sections = grow(t->sections, t->nsections, &t->sections_capacity, sizeof(*t->sections));
	t->sections[t->nsections] = (struct twin_section){ twin_string(t, s->name), s->size };
	*known = ++t->nsections;
	return *known - 1;
}

/* Cold code goes behind all hot code, as in the module, so that hot code stays dense. */
uint32_t *twin_part_order(const struct twin *t, uint32_t *count)
{
	const struct program *p = t->p;
	uint32_t *order = zalloc(p->nparts, sizeof(*order));

	*count = 0;
	for (int cold = 0; cold < 2; cold++)
		for (uint32_t k = 0; k < p->nparts; k++)
			if (p->parts[k].cold == cold && p->funcs[p->parts[k].func].in_set)
				order[(*count)++] = k;
	return order;
}
