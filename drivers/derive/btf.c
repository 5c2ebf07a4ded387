/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reader for the part of BTF that describes function prototypes. */
#include "btf.h"

#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#define RESOLVE_DEPTH 32 /* typedefs and qualifiers in a row; ends a cycle */

struct named {
	const char *name;
	const struct btf_type *type;
};

/* The parsed form of one .BTF section. Types and strings of a module continue the kernel's. */
struct btf {
	const char *name;
	const struct btf *base;
	const char *strings;
	uint32_t string_base, string_size; /* string offsets of this part: base .. base + size */
	uint32_t first_id;                 /* number of types[0] */
	const struct btf_type **types;
	uint32_t ntypes, capacity;
	struct named *functions; /* sorted by name */
	uint32_t nfunctions;
};

/* A string of this part or of the parts below it; "" if the offset is out of range. */
static const char *string_at(const struct btf *b, uint32_t offset)
{
	while (b && offset < b->string_base)
		b = b->base;
	if (!b || offset - b->string_base >= b->string_size)
		return "";
	return b->strings + (offset - b->string_base);
}

static const struct btf_type *type_at(const struct btf *b, uint32_t id)
{
	while (b && id < b->first_id)
		b = b->base;
	if (!b || id - b->first_id >= b->ntypes)
		return NULL; /* void, and whatever is out of range */
	return b->types[id - b->first_id];
}

/* Bytes behind struct btf_type, by kind; UINT32_MAX for an unknown kind. */
static uint32_t trailing_bytes(const struct btf_type *t)
{
	uint32_t n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return n * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return n * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return n * sizeof(struct btf_var_secinfo);
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	default:
		return UINT32_MAX;
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* One pass over all types: where each one starts, and which of them are functions. */
static void index_types(struct btf *b, const uint8_t *bytes, uint32_t size)
{
	uint32_t capacity = 0;

	for (uint32_t at = 0; at < size;) {
		const struct btf_type *t = (const void *)(bytes + at);
		uint32_t more;

		if (size - at < sizeof(*t))
			fail("%s: broken BTF: a type is cut off", b->name);
		more = trailing_bytes(t);
		if (more == UINT32_MAX || more > size - at - sizeof(*t))
			fail("%s: broken BTF: type %u has an unknown kind or size", b->name,
			     b->first_id + b->ntypes);
		b->types = grow(b->types, b->ntypes, &b->capacity, sizeof(*b->types));
		b->types[b->ntypes++] = t;
		if (BTF_INFO_KIND(t->info) == BTF_KIND_FUNC) {
			b->functions =
				grow(b->functions, b->nfunctions, &capacity, sizeof(*b->functions));
			b->functions[b->nfunctions++] =
				(struct named){ string_at(b, t->name_off), t };
		}
		at += sizeof(*t) + more;
	}
	if (b->nfunctions)
		qsort(b->functions, b->nfunctions, sizeof(*b->functions), by_name);
}

struct btf *btf_load(const char *name, const uint8_t *bytes, uint32_t size, const struct btf *base)
{
	struct btf *b = zalloc(1, sizeof(*b));
	struct btf_header h;
	uint32_t rest;

	if (size < sizeof(h))
		fail("%s: broken BTF: no header", name);
	memcpy(&h, bytes, sizeof(h));
	if (h.magic != BTF_MAGIC || h.hdr_len < sizeof(h) || h.hdr_len > size || h.hdr_len % 4)
		fail("%s: broken BTF: bad header", name);
	rest = size - h.hdr_len;
	if (h.type_off > rest || h.type_len > rest - h.type_off || h.type_off % 4 ||
	    h.str_off > rest || h.str_len > rest - h.str_off || h.str_len == 0 ||
	    bytes[h.hdr_len + h.str_off + h.str_len - 1] != 0)
		fail("%s: broken BTF: bad header", name);
	if ((uintptr_t)bytes % 4) /* sections of a .ko are not always aligned */
		bytes = memcpy(zalloc(size, 1), bytes, size);
	b->name = name;
	b->base = base;
	b->strings = (const char *)bytes + h.hdr_len + h.str_off;
	b->string_size = h.str_len;
	b->string_base = base ? base->string_base + base->string_size : 0;
	b->first_id = base ? base->first_id + base->ntypes : 1;
	index_types(b, bytes + h.hdr_len + h.type_off, h.type_len);
	return b;
}

/* The TWIN_ARG_ code of a type; *ok turns false for what a register cannot hold. */
static uint8_t argument_code(const struct btf *b, uint32_t id, bool *ok)
{
	for (int depth = 0; depth < RESOLVE_DEPTH; depth++) {
		const struct btf_type *t = type_at(b, id);
		uint32_t encoding;

		if (!t)
			return TWIN_ARG_NONE;
		switch (BTF_INFO_KIND(t->info)) {
		case BTF_KIND_PTR:
			return TWIN_ARG_POINTER | 8 << 4;
		case BTF_KIND_ENUM:
		case BTF_KIND_ENUM64:
			*ok = *ok && t->size <= 8;
			return TWIN_ARG_UNSIGNED | (t->size & 15) << 4;
		case BTF_KIND_INT:
			memcpy(&encoding, t + 1, sizeof(encoding));
			*ok = *ok && t->size <= 8;
			return (BTF_INT_ENCODING(encoding) & BTF_INT_SIGNED ? TWIN_ARG_SIGNED
									    : TWIN_ARG_UNSIGNED) |
			       (t->size & 15) << 4;
		case BTF_KIND_TYPEDEF:
		case BTF_KIND_CONST:
		case BTF_KIND_VOLATILE:
		case BTF_KIND_RESTRICT:
		case BTF_KIND_TYPE_TAG:
			id = t->type;
			continue;
		}
		break;
	}
	*ok = false;
	return TWIN_ARG_NONE;
}

/* The last parameter of a varargs prototype has neither name nor type. */
static struct proto read_proto(const struct btf *b, const struct btf_type *function)
{
	const struct btf_type *t = type_at(b, function->type);
	struct proto p = { .known = true };
	const struct btf_param *param;
	uint32_t n;

	if (!t || BTF_INFO_KIND(t->info) != BTF_KIND_FUNC_PROTO)
		return (struct proto){ 0 };
	param = (const void *)(t + 1);
	n = BTF_INFO_VLEN(t->info);
	if (n && param[n - 1].type == 0 && param[n - 1].name_off == 0) {
		p.varargs = true;
		n--;
	}
	if (n > TWIN_ARGS_MAX)
		return (struct proto){ .varargs = p.varargs };
	p.nargs = (uint8_t)n;
	p.ret = argument_code(b, t->type, &p.known);
	for (uint32_t i = 0; i < n; i++)
		p.args[i] = argument_code(b, param[i].type, &p.known);
	return p;
}

/* Several functions of one name are common (static ones); they count only if they agree. */
struct proto btf_proto(const struct btf *b, const char *function)
{
	uint32_t low = 0, high = b ? b->nfunctions : 0;
	struct proto p;

	while (low < high) { /* the first of that name */
		uint32_t middle = (low + high) / 2;

		if (strcmp(b->functions[middle].name, function) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (!b || low == b->nfunctions || strcmp(b->functions[low].name, function) != 0)
		return (struct proto){ 0 };
	p = read_proto(b, b->functions[low].type);
	for (low++; low < b->nfunctions && strcmp(b->functions[low].name, function) == 0; low++) {
		struct proto other = read_proto(b, b->functions[low].type);

		if (memcmp(&p, &other, sizeof(p)) != 0)
			return (struct proto){ 0 }; /* static functions of one name: which one? */
	}
	return p;
}
