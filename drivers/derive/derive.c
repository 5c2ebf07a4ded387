/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The order of the passes. */
#include "derive.h"

#include <string.h>

#include "allow.h"
#include "canary.h"
#include "guard.h"
#include "live.h"
#include "set.h"
#include "stack.h"
#include "util.h"

/* Cheap checks first: a wrong description should not need a kernel to be found out. */
static struct program *load(const struct job *job)
{
	struct program *p = zalloc(1, sizeof(*p));
	const struct section *btf;
	const char *name;

	p->conf = conf_load(job->conf);
	p->object = object_load(job->module, ET_REL);
	p->kernel = kernel_load(job->vmlinux);
	kernel_check_module(p->kernel, p->object);
	name = object_modinfo(p->object, "name");
	if (!name || strcmp(name, p->conf->module) != 0)
		fail("%s: is module %s, but %s describes %s", job->module,
		     name ? name : "(unnamed)", job->conf, p->conf->module);
	btf = object_section(p->object, ".BTF");
	if (btf && btf->data)
		p->btf = btf_load(job->module, btf->data, btf->size, p->kernel->btf);
	return p;
}

static void count_before(struct program *p, struct func *f)
{
	for_each_insn(p, f, i, x)
	{
		if (!i->reachable)
			f->n.dead++;
		else if (i->z.mnemonic != ZYDIS_MNEMONIC_NOP)
			f->n.before++;
	}
	for (uint32_t k = 0; k < f->nparts; k++)
		f->n.bytes_before += p->parts[f->parts[k]].size;
}

/* Each function by itself; a refusal ends its analysis, not the others'. */
static void analyse(struct program *p, const struct options *o)
{
	for (uint32_t k = 0; k < p->nfuncs; k++) {
		struct func *f = &p->funcs[k];

		if (!f->in_set)
			continue;
		count_before(p, f);
		allow_check(p, f);
		if (f->refusal)
			continue;
		live_solve(p, f);
		stack_analyse(p, f);
		if (f->refusal)
			continue;
		if (canary_drop(p, f)) /* frees registers and flags for guards */
			live_solve(p, f);
		guard_plan(p, f, o);
	}
}

/* Functions of the set that emission refused. */
static uint32_t refusals(const struct program *p)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < p->nfuncs; k++)
		n += p->funcs[k].in_set && p->funcs[k].refusal;
	return n;
}

static void reset_counts(struct program *p)
{
	for (uint32_t k = 0; k < p->nfuncs; k++)
		p->funcs[k].n.second_operands = p->funcs[k].n.second_addresses = 0;
}

/* Emission may still refuse a function; without it the calls of it are others, so start again. */
static struct twin *emit_settled(struct program *p, bool leave_out)
{
	struct twin *t;

	for (;;) {
		set_settle(p, leave_out);
		reset_counts(p);
		t = twin_new(p);
		tables_before(t);
		emit_all(t);
		for (uint32_t k = 0; k < p->conf->nlines; k++)
			if (p->conf->lines[k].verb == CONF_ENTRY)
				set_stack_bytes(p, func_find(p, p->conf->lines[k].name));
		if (!refusals(p))
			return t;
	}
}

static void count_after(struct twin *t)
{
	for (uint32_t k = 0; k < t->nitems; k++) {
		struct func *f = insn_func(t->p, &t->p->insns[t->items[k].insn]);

		f->n.after++;
		f->n.bytes_after += t->items[k].length;
	}
}

static uint32_t flags_of(const struct job *job)
{
	return (job->options.guard_loads ? 0 : TWIN_FLAG_NO_LOAD_GUARDS) |
	       (job->options.guard_stores ? 0 : TWIN_FLAG_NO_STORE_GUARDS) |
	       (job->options.naive ? TWIN_FLAG_NAIVE_GUARDS : 0) |
	       (job->all ? TWIN_FLAG_ALL_FUNCTIONS : 0);
}

struct twin *derive(const struct job *job)
{
	struct program *p = load(job);
	struct twin *t;

	decode(p);
	cfg_build(p);
	if (job->all)
		set_build_all(p);
	else
		set_build(p);
	analyse(p, &job->options);
	t = emit_settled(p, job->all);
	t->flags = flags_of(job);
	t->facts = (uint8_t)job->options.level;
	t->engine = (uint8_t)job->options.engine;
	layout(t);
	tables_after(t);
	count_after(t);
	return t;
}
