/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of the file: imports, gs block, static keys, functions, targets, maps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "set.h"
#include "twin.h"
#include "util.h"

#define GS_FIRST         0x40 /* behind the canary and what else the hv keeps in the block's head */
#define REGISTER_ARGS    6
#define JUMP_ENTRY_BYTES 16 /* struct jump_entry: code, target, key */
#define JUMP_KEY_AT      8
#define CANARY_SYMBOL    "fixed_percpu_data"

static uint32_t find_import(const struct twin *t, uint32_t name, unsigned kind)
{
	for (uint32_t k = 0; k < t->nimports; k++)
		if (t->imports[k].name == name && t->imports[k].kind == kind)
			return k;
	return TWIN_NONE;
}

static struct twin_import *add_import(struct twin *t, uint32_t name, unsigned kind)
{
	t->imports = grow(t->imports, t->nimports, &t->imports_capacity, sizeof(*t->imports));
	t->imports[t->nimports] =
		(struct twin_import){ .name = name, .kind = (uint8_t)kind, .section = TWIN_NONE };
	return &t->imports[t->nimports++];
}

/* Arguments beyond the sixth lie on the stack (System V ABI). */
static void set_proto(struct twin_import *m, struct proto proto)
{
	if (proto.varargs)
		m->flags |= TWIN_IMPORT_VARARGS;
	if (!proto.known)
		return;
	m->flags |= TWIN_IMPORT_PROTO;
	m->nargs = proto.nargs;
	m->ret = proto.ret;
	memcpy(m->args, proto.args, sizeof(m->args));
	if (!proto.varargs && proto.nargs > REGISTER_ARGS)
		m->nstack = (uint8_t)(proto.nargs - REGISTER_ARGS);
}

/* Indirect thunks are a kind of their own: their code is the hv's. */
uint32_t twin_import_function(struct twin *t, const char *symbol)
{
	uint32_t name = twin_string(t, symbol);
	int thunk = name_thunk(symbol);
	unsigned kind = thunk >= 0 ? TWIN_IMPORT_THUNK : TWIN_IMPORT_FUNCTION;
	uint32_t found = find_import(t, name, kind);
	struct twin_import *m;

	if (found != TWIN_NONE)
		return found;
	m = add_import(t, name, kind);
	if (thunk >= 0) {
		m->reg = (uint8_t)thunk;
		return t->nimports - 1;
	}
	if (name_noreturn(symbol))
		m->flags |= TWIN_IMPORT_NORETURN;
	if (conf_has(t->p->conf, CONF_NATIVE, symbol))
		m->flags |= TWIN_IMPORT_NATIVE;
	set_proto(m, btf_proto(t->p->kernel->btf, symbol));
	return t->nimports - 1;
}

uint32_t twin_import_data(struct twin *t, const char *symbol)
{
	uint32_t name = twin_string(t, symbol);
	uint32_t found = find_import(t, name, TWIN_IMPORT_DATA);

	if (found == TWIN_NONE) {
		add_import(t, name, TWIN_IMPORT_DATA);
		found = t->nimports - 1;
	}
	return found;
}

/* Its code is the hv's too; the name is for people. */
uint32_t twin_import_miss(struct twin *t, int reg)
{
	static const char *const names[NREGS] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp",
						  "rsi", "rdi", "r8",  "r9",  "r10", "r11",
						  "r12", "r13", "r14", "r15" };
	char text[32];
	uint32_t name, found;
	struct twin_import *m;

	snprintf(text, sizeof(text), "stlb_miss_%s", names[reg]);
	name = twin_string(t, text);
	found = find_import(t, name, TWIN_IMPORT_MISS);
	if (found != TWIN_NONE) {
		t->imports[found].calls++;
		return found;
	}
	m = add_import(t, name, TWIN_IMPORT_MISS);
	m->reg = (uint8_t)reg;
	m->calls = 1;
	return t->nimports - 1;
}

uint32_t twin_import_module(struct twin *t, const struct func *f)
{
	const struct part *part = &t->p->parts[f->parts[0]];
	uint32_t name = twin_string(t, f->name), section = twin_section_index(t, part->section);
	struct twin_import *m;

	for (uint32_t k = 0; k < t->nimports; k++)
		if (t->imports[k].kind == TWIN_IMPORT_MODULE && t->imports[k].section == section &&
		    t->imports[k].module_offset == part->offset)
			return k;
	m = add_import(t, name, TWIN_IMPORT_MODULE);
	m->section = section;
	m->module_offset = part->offset;
	set_proto(m, btf_proto(t->p->btf, f->name));
	return t->nimports - 1;
}

/* Calls between derived functions need no import. */
static void note_call(struct twin *t, const struct insn *i, bool locked)
{
	struct twin_import *m;
	uint32_t k;

	if (i->import) {
		k = twin_import_function(t, t->p->object->symbols[i->import].name);
	} else {
		struct func *to = insn_func(t->p, &t->p->insns[i->target]);

		if (to->in_set)
			return;
		k = twin_import_module(t, to);
	}
	m = &t->imports[k];
	m->calls++;
	if (locked)
		m->flags |= TWIN_IMPORT_LOCKED;
	if (i->flow != FLOW_CALL)
		m->flags |= TWIN_IMPORT_TAIL;
	if ((m->flags & TWIN_IMPORT_VARARGS) && i->stack_words > m->nstack)
		m->nstack = i->stack_words;
}

static void collect_calls(struct twin *t)
{
	struct program *p = t->p;
	bool *locked = set_locked(p);

	for (uint32_t k = 0; k < p->nfuncs; k++) {
		struct func *f = &p->funcs[k];

		if (!f->in_set)
			continue;
		for_each_insn(p, f, i, x)
		{
			bool branch = i->flow == FLOW_CALL || i->flow == FLOW_TAIL ||
				      i->flow == FLOW_JUMP || i->flow == FLOW_COND;

			if (i->reachable && branch && (i->import || i->target != NO_INSN))
				note_call(t, i, locked[x]);
		}
	}
	for (uint32_t k = 0; k < p->nfuncs; k++) /* legal indirect upcalls of the description */
		if (conf_has(p->conf, CONF_UPCALL, p->funcs[k].name))
			twin_import_module(t, &p->funcs[k]);
	free(locked);
}

/* Widen the range of a symbol in the gs block; offsets are given afterwards. */
static void add_gs(struct twin *t, uint32_t name, uint32_t addend, uint32_t bytes)
{
	for (uint32_t k = 0; k < t->ngs; k++) {
		struct twin_gs *g = &t->gs[k];
		uint32_t end = g->addend + g->bytes > addend + bytes ? g->addend + g->bytes
								     : addend + bytes;

		if (g->name != name)
			continue;
		if (addend < g->addend)
			g->addend = addend & ~7u;
		g->bytes = end - g->addend;
		return;
	}
	t->gs = grow(t->gs, t->ngs, &t->gs_capacity, sizeof(*t->gs));
	t->gs[t->ngs++] = (struct twin_gs){ name, addend & ~7u, 0, bytes + (addend & 7) };
}

/* A place in the module's or kernel's data that relocation r of i names: addend to the symbol. */
static int64_t reloc_addend(const struct insn *i, const struct reloc *r)
{
	bool relative = r->type == R_X86_64_PC32 || r->type == R_X86_64_PLT32;

	return r->addend + (relative ? i->offset + i->length - r->offset : 0);
}

/* Is it a mere read of a kernel variable that the hv keeps? Writes and addresses are the dvm's. */
static bool reads_kept(const struct program *p, const struct insn *i, const struct memref *ref)
{
	const struct symbol *y = reloc_symbol(p, ref->reloc);
	const struct export *e = y->section == SHN_UNDEF ? kernel_export(p->kernel, y->name) : NULL;
	int64_t at = reloc_addend(i, ref->reloc);

	return e && e->kind == EXPORT_DATA && !ref->write && i->z.raw.modrm.offset && at >= 0 &&
	       at + ref->size <= name_kept_bytes(y->name);
}

bool gs_operand(const struct program *p, const struct insn *i, const struct memref *ref,
		const char **symbol, int64_t *addend)
{
	const struct symbol *y;
	const struct export *e;

	if (ref->class != MEM_GS && (ref->class != MEM_CONST || !reads_kept(p, i, ref)))
		return false;
	if (!ref->reloc) {
		*symbol = CANARY_SYMBOL;
		*addend = ref->disp;
		return i->z.raw.modrm.offset && ref->disp == TWIN_GS_CANARY && ref->size == 8;
	}
	y = reloc_symbol(p, ref->reloc);
	e = y->section == SHN_UNDEF ? kernel_export(p->kernel, y->name) : NULL;
	*symbol = y->name;
	*addend = reloc_addend(i, ref->reloc);
	if (ref->class == MEM_CONST)
		return true;
	return e && e->kind == EXPORT_PERCPU && *addend >= 0 && *addend < 1 << 16 &&
	       i->z.raw.modrm.offset;
}

/* Only accesses that remain in the twin: dead code asks for nothing. */
static void collect_gs(struct twin *t, struct func *f)
{
	for_each_insn(t->p, f, i, x)
	{
		struct memref ref[MEMREF_MAX];
		unsigned n = i->reachable ? memref_collect(i, ref) : 0;
		const char *symbol;
		int64_t addend;

		for (unsigned k = 0; k < n; k++)
			if (gs_operand(t->p, i, &ref[k], &symbol, &addend))
				add_gs(t, twin_string(t, symbol), (uint32_t)addend, ref[k].size);
	}
}

/* Variables follow each other in the block, 8 bytes aligned; the canary has its own place. */
static void place_gs(struct twin *t)
{
	uint32_t at = GS_FIRST;

	for (uint32_t k = 0; k < t->ngs; k++) {
		struct twin_gs *g = &t->gs[k];

		if (strcmp(twin_string_at(t, g->name), CANARY_SYMBOL) == 0) {
			g->gs_offset = TWIN_GS_CANARY;
			struct twin_gs canary = *g; /* sorted first: it has the lowest offset */

			memmove(t->gs + 1, t->gs, k * sizeof(*g));
			t->gs[0] = canary;
			continue;
		}
		g->gs_offset = at;
		at += (g->bytes + 7) & ~7u;
		if (at > TWIN_GS_BLOCK_BYTES)
			fail("%s: the per-CPU variables do not fit into the gs block",
			     t->p->object->path);
	}
	t->gs_bytes = at;
}

uint32_t tables_gs_offset(const struct twin *t, const char *symbol, int64_t addend)
{
	for (uint32_t k = 0; k < t->ngs; k++)
		if (strcmp(twin_string_at(t, t->gs[k].name), symbol) == 0)
			return t->gs[k].gs_offset + (uint32_t)addend - t->gs[k].addend;
	fail("internal error: %s has no place in the gs block", symbol);
}

static void add_key(struct twin *t, const struct insn *site, const struct reloc *key, bool jumps)
{
	const struct symbol *y = reloc_symbol(t->p, key);
	bool inverted = key->addend & 1; /* bit 0: the branch is taken while the key is off */
	struct twin_key k = { .import = TWIN_NONE,
			      .section = TWIN_NONE,
			      .enabled = inverted != jumps,
			      .site_section = twin_section_index(t, site->section),
			      .site_offset = site->offset };

	if (y->section == SHN_UNDEF) {
		k.import = twin_import_data(t, y->name);
		k.offset = (uint32_t)(key->addend & ~(int64_t)3);
	} else if (y->section != SHN_ABS) {
		k.section = twin_section_index(t, y->section);
		k.offset = (uint32_t)(y->value + (uint64_t)key->addend) & ~3u;
	}
	t->keys = grow(t->keys, t->nkeys, &t->keys_capacity, sizeof(*t->keys));
	t->keys[t->nkeys++] = k;
}

/* Each entry of __jump_table has three relocations: code, target, key. */
static void collect_keys(struct twin *t)
{
	const struct section *s = object_section(t->p->object, "__jump_table");

	for (uint32_t k = 0; s && k < s->nrelocs; k++) {
		const struct reloc *code = &s->relocs[k], *key = NULL;
		const struct symbol *y = reloc_symbol(t->p, code);
		uint32_t x;

		if (code->offset % JUMP_ENTRY_BYTES)
			continue;
		for (uint32_t n = k; n < s->nrelocs && n < k + 3; n++)
			if (s->relocs[n].offset == code->offset + JUMP_KEY_AT)
				key = &s->relocs[n];
		x = insn_find(t->p, y->section, y->value + (uint64_t)code->addend);
		if (!key || x == NO_INSN || !t->p->insns[x].reachable ||
		    !insn_func(t->p, &t->p->insns[x])->in_set)
			continue;
		add_key(t, &t->p->insns[x], key, t->p->insns[x].flow == FLOW_JUMP);
	}
}

void tables_before(struct twin *t)
{
	collect_calls(t);
	for (uint32_t k = 0; k < t->p->nfuncs; k++)
		if (t->p->funcs[k].in_set)
			collect_gs(t, &t->p->funcs[k]);
	place_gs(t);
	collect_keys(t);
}
