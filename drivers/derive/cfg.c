/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control flow. In a module built with retpolines it is exact: each branch is direct, an
 * indirect call is a call of a thunk, a return is a jump to __x86_return_thunk, and there are no
 * jump tables. Anything else refuses the function.
 *
 * Static keys stay as they are in the file, so a frozen branch is no edge and what only it
 * leads to is dead code.
 */
#include <string.h>

#include "names.h"
#include "program.h"
#include "util.h"

#define BUG_ENTRY_BYTES  12 /* struct bug_entry: two 32-bit displacements, line, flags */
#define BUG_FLAGS_AT     10
#define BUG_FLAG_WARNING 1

/* Where a direct branch leads: an instruction (*target), an import (*import), or false. */
static bool branch_target(struct program *p, const struct insn *i, uint32_t *target,
			  uint32_t *import)
{
	*target = NO_INSN;
	*import = 0;
	if (i->op[0].type != ZYDIS_OPERAND_TYPE_IMMEDIATE || !i->op[0].imm.is_relative)
		return false;
	/* Inside one section the assembler has filled the distance in. */
	if (i->nrel == 0) {
		*target = insn_find(p, i->section,
				    (uint64_t)(i->offset + i->length + i->op[0].imm.value.s));
		return *target != NO_INSN;
	}
	if (i->nrel == 1 &&
	    (i->rel[0]->type == R_X86_64_PLT32 || i->rel[0]->type == R_X86_64_PC32) &&
	    i->rel[0]->offset + 4 == i->offset + i->length) {
		const struct symbol *y = reloc_symbol(p, i->rel[0]);

		/* -4: counted from the field's end. Anything else is a place inside a routine. */
		if (y->section == SHN_UNDEF && i->rel[0]->symbol && i->rel[0]->addend == -4) {
			*import = i->rel[0]->symbol;
			return true;
		}
		if (y->section != SHN_ABS && y->section != SHN_UNDEF)
			*target = insn_find(p, y->section,
					    y->value + (uint64_t)i->rel[0]->addend + 4);
	}
	return *target != NO_INSN;
}

static void set_call(struct program *p, struct insn *i, const char **problem)
{
	struct proto proto;

	i->flow = FLOW_CALL;
	i->falls = true;
	if (!branch_target(p, i, &i->target, &i->import)) {
		*problem = "indirect call without a thunk, or a call to an unknown place";
		return;
	}
	if (i->import) {
		const char *name = p->object->symbols[i->import].name;

		if (strcmp(name, "__fentry__") == 0)
			i->flow = FLOW_DROP;
		i->thunk = (int8_t)name_thunk(name);
		i->falls = !name_noreturn(name);
		/* Stack arguments are the callee's to overwrite: their place is unknown then. */
		proto = btf_proto(p->kernel->btf, name);
		i->varargs = proto.varargs;
		i->stack_words = proto.known && proto.nargs > 6 ? proto.nargs - 6 : 0;
	}
}

static void set_jump(struct program *p, struct insn *i, const char **problem)
{
	const char *name;

	i->flow = FLOW_JUMP;
	if (!branch_target(p, i, &i->target, &i->import)) {
		*problem = "indirect jump, or a jump to an unknown place";
		return;
	}
	if (!i->import)
		return;
	name = p->object->symbols[i->import].name;
	i->flow = strcmp(name, "__x86_return_thunk") == 0 ? FLOW_RET : FLOW_TAIL;
	i->thunk = (int8_t)name_thunk(name);
}

/* Classify one instruction. *problem is set if control flow is not understood. */
static void set_flow(struct program *p, struct insn *i, const char **problem)
{
	i->flow = FLOW_NEXT;
	i->falls = true;
	switch (i->z.meta.category) {
	case ZYDIS_CATEGORY_CALL:
		set_call(p, i, problem);
		return;
	case ZYDIS_CATEGORY_COND_BR:
		i->flow = FLOW_COND;
		if (!branch_target(p, i, &i->target, &i->import) || i->import)
			*problem = "conditional jump to an import or to an unknown place";
		return;
	case ZYDIS_CATEGORY_UNCOND_BR:
		i->falls = false;
		set_jump(p, i, problem);
		return;
	case ZYDIS_CATEGORY_RET:
		i->flow = FLOW_RET;
		i->falls = false;
		if (i->z.opcode != 0xc3) /* ret imm16 moves rsp past the caller's arguments */
			*problem = "return that pops arguments";
		return;
	case ZYDIS_CATEGORY_NOP:
	case ZYDIS_CATEGORY_WIDENOP:
		i->flow = FLOW_DROP;
		return;
	default:
		break;
	}
	if (i->z.mnemonic == ZYDIS_MNEMONIC_UD2 || i->z.mnemonic == ZYDIS_MNEMONIC_INT3) {
		i->flow = FLOW_STOP;
		i->falls = false;
	}
}

/* ud2 that belongs to a WARN goes on; the flag is in __bug_table. */
static void mark_warnings(struct program *p)
{
	const struct section *s = object_section(p->object, "__bug_table");

	for (uint32_t k = 0; s && s->data && k < s->nrelocs; k++) {
		const struct reloc *r = &s->relocs[k];
		const struct symbol *y = reloc_symbol(p, r);
		uint32_t x;

		if (r->offset % BUG_ENTRY_BYTES || r->offset + BUG_ENTRY_BYTES > s->size)
			continue; /* the file name's displacement */
		/* Each entry has two relocations; the first is the address of the ud2. */
		x = insn_find(p, y->section, y->value + (uint64_t)r->addend);
		if (x == NO_INSN || p->insns[x].z.mnemonic != ZYDIS_MNEMONIC_UD2 ||
		    !(s->data[r->offset + BUG_FLAGS_AT] & BUG_FLAG_WARNING))
			continue;
		p->insns[x].flow = FLOW_WARN;
		p->insns[x].falls = true;
	}
}

/* Only a prototype says that rdx is not part of the result: then what is left there is dead. */
static bool returns_pair(const struct program *p, const char *name)
{
	struct proto proto = { 0 };

	if (p->btf)
		proto = btf_proto(p->btf, name);
	return !proto.known || TWIN_ARG_BYTES(proto.ret) > 8;
}

/* Hot parts come first, so a function is known before its cold parts look for it. */
static struct func *new_func(struct program *p, uint32_t *capacity, uint32_t part)
{
	struct func *f;

	p->funcs = grow(p->funcs, p->nfuncs, capacity, sizeof(*p->funcs));
	f = &p->funcs[p->nfuncs++];
	f->name = p->parts[part].name;
	f->parts[0] = part;
	f->nparts = 1;
	f->entry = p->parts[part].first;
	f->returns_pair = returns_pair(p, f->name);
	p->parts[part].func = p->nfuncs - 1;
	return f;
}

/* The function that jumps into a cold part owns it. */
static uint32_t cold_owner(const struct program *p, uint32_t cold)
{
	for (uint32_t x = 0; x < p->ninsns; x++) {
		const struct insn *i = &p->insns[x];

		if (i->target == NO_INSN || i->flow == FLOW_CALL || p->parts[i->part].cold ||
		    p->insns[i->target].part != cold)
			continue;
		return p->parts[i->part].func;
	}
	return NO_FUNC;
}

static void build_functions(struct program *p)
{
	uint32_t capacity = 0;

	for (uint32_t k = 0; k < p->nparts; k++)
		if (!p->parts[k].cold)
			new_func(p, &capacity, k);
	for (uint32_t k = 0; k < p->nparts; k++) {
		uint32_t owner;
		struct func *f;

		if (!p->parts[k].cold)
			continue;
		/* By who jumps there, not by name: gcc shares cold parts and renames clones. */
		owner = cold_owner(p, k);
		if (owner == NO_FUNC) { /* only reached from where keys are frozen, or not at all */
			new_func(p, &capacity, k);
			continue;
		}
		f = &p->funcs[owner];
		p->parts[k].func = owner;
		if (f->nparts == FUNC_PARTS)
			fail("%s: %s has more than %d parts", p->object->path, f->name, FUNC_PARTS);
		f->parts[f->nparts++] = k;
	}
}

/* A leader is where a block starts: facts are merged there and guards do not move above it. */
static void mark_leaders(struct program *p)
{
	for (uint32_t x = 0; x < p->ninsns; x++) {
		struct insn *i = &p->insns[x];

		if (i->target != NO_INSN)
			p->insns[i->target].leader = true;
		if (x == 0 || p->insns[x - 1].part != i->part || !p->insns[x - 1].falls ||
		    p->insns[x - 1].flow == FLOW_COND)
			i->leader = true;
	}
}

/* A branch to another function must lead to its entry: a call, or a tail call. */
static void check_branch(struct program *p, struct func *f, struct insn *i)
{
	const struct func *to;

	if (i->target == NO_INSN)
		return;
	to = insn_func(p, &p->insns[i->target]);
	if ((to != f || i->flow == FLOW_CALL) && i->target != to->entry)
		refuse(p, f, i, "branch into the middle of %s", to->name);
}

/*
 * From the entry over what is left when static keys are frozen. Only this is derived, so only this
 * needs to be understood.
 */
static void mark_reachable(struct program *p, struct func *f)
{
	uint32_t size = 0, n = 0, *work;

	for (uint32_t k = 0; k < f->nparts; k++)
		size += p->parts[f->parts[k]].count;
	work = zalloc(size, sizeof(*work));
	p->insns[f->entry].reachable = true;
	work[n++] = f->entry;
	while (n) {
		uint32_t x = work[--n], next[2] = { NO_INSN, NO_INSN };
		struct insn *i = &p->insns[x];

		check_branch(p, f, i);
		if (i->falls && (x + 1 == p->ninsns || p->insns[x + 1].part != i->part))
			refuse(p, f, i, "execution runs off the end of the function");
		else if (i->falls)
			next[0] = x + 1;
		if ((i->flow == FLOW_JUMP || i->flow == FLOW_COND) && i->target != NO_INSN &&
		    insn_func(p, &p->insns[i->target]) == f)
			next[1] = i->target;
		for (int k = 0; k < 2; k++) {
			if (next[k] == NO_INSN || p->insns[next[k]].reachable)
				continue;
			p->insns[next[k]].reachable = true;
			work[n++] = next[k];
		}
	}
}

/* Problems refuse a function only where it can come to them: dead code may be anything. */
void cfg_build(struct program *p)
{
	const char **problem = zalloc(p->ninsns, sizeof(*problem));

	for (uint32_t x = 0; x < p->ninsns; x++)
		set_flow(p, &p->insns[x], &problem[x]);
	mark_warnings(p);
	build_functions(p);
	mark_leaders(p);
	for (uint32_t k = 0; k < p->nfuncs; k++)
		mark_reachable(p, &p->funcs[k]);
	for (uint32_t x = 0; x < p->ninsns; x++)
		if (problem[x] && p->insns[x].reachable)
			refuse(p, insn_func(p, &p->insns[x]), &p->insns[x], "%s", problem[x]);
}
