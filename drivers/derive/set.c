/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The set of derived functions and what holds for it as a whole: see set.h. */
#include "set.h"

#include <string.h>

#include "../twin_abi.h"
#include "names.h"
#include "util.h"

/* Functions whose address is stored somewhere, so that an indirect call may lead there. */
static void mark_address_taken(struct program *p)
{
	const struct object *o = p->object;

	for (uint32_t k = 1; k < o->nsections; k++) {
		const struct section *s = &o->sections[k];

		if (!(s->flags & SHF_ALLOC) || name_metadata_section(s->name))
			continue;
		for (uint32_t n = 0; n < s->nrelocs; n++) {
			const struct reloc *r = &s->relocs[n];
			const struct symbol *y = reloc_symbol(p, r);
			uint32_t x;

			if (r->type != R_X86_64_64 && r->type != R_X86_64_32S)
				continue;
			x = insn_find(p, y->section, y->value + (uint64_t)r->addend);
			if (x != NO_INSN && insn_func(p, &p->insns[x])->entry == x)
				insn_func(p, &p->insns[x])->address_taken = true;
		}
	}
}

/* Everything that f may call or jump to, but for what the description keeps in the dvm. */
static void add_closure(struct program *p, struct func *f)
{
	struct func **work = zalloc(p->nfuncs + 1, sizeof(*work));
	uint32_t n = 0;

	if (f->in_set)
		return;
	f->in_set = true;
	work[n++] = f;
	while (n) {
		f = work[--n];
		for_each_insn(p, f, i, x)
		{
			struct func *to;

			if (!i->reachable || i->target == NO_INSN)
				continue;
			to = insn_func(p, &p->insns[i->target]);
			if (to->in_set || to->upcall)
				continue;
			if (conf_has(p->conf, CONF_UPCALL, to->name)) {
				to->upcall = true;
				continue;
			}
			to->in_set = true;
			work[n++] = to;
		}
	}
}

void set_build(struct program *p)
{
	const struct conf *c = p->conf;

	mark_address_taken(p);
	for (uint32_t k = 0; k < c->nlines; k++) {
		const struct conf_line *l = &c->lines[k];
		struct func *f = l->verb == CONF_NATIVE ? NULL : func_find(p, l->name);

		if (l->verb == CONF_NATIVE)
			continue;
		if (!f)
			fail("%s:%u: %s has no function %s", c->path, l->line, p->object->path,
			     l->name);
		if (l->verb == CONF_TARGET && !f->address_taken)
			fail("%s:%u: nothing takes the address of %s: it cannot be a target",
			     c->path, l->line, l->name);
		if (l->verb == CONF_UPCALL)
			continue;
		if (conf_has(c, CONF_UPCALL, l->name))
			fail("%s:%u: %s cannot be derived and an upcall", c->path, l->line,
			     l->name);
		add_closure(p, f);
	}
	/* An upcall that is a value of a function pointer is listed though no call names it. */
	for (uint32_t k = 0; k < c->nlines; k++)
		if (c->lines[k].verb == CONF_UPCALL)
			func_find(p, c->lines[k].name)->upcall = true;
}

void set_build_all(struct program *p)
{
	mark_address_taken(p);
	for (uint32_t k = 0; k < p->nfuncs; k++) {
		struct func *f = &p->funcs[k];

		f->upcall = conf_has(p->conf, CONF_UPCALL, f->name);
		f->in_set = !f->upcall;
		if (p->parts[f->parts[0]].cold)
			refuse(p, f, NULL, "cold part that nothing jumps to");
	}
}

void set_settle(struct program *p, bool leave_out)
{
	uint32_t refused = 0;

	for (uint32_t k = 0; k < p->nfuncs; k++) {
		struct func *f = &p->funcs[k];

		if (!f->in_set || !f->refusal)
			continue;
		refused++;
		if (leave_out) {
			f->in_set = false;
			f->upcall = true;
		} else {
			complain("%s: refused: %s", p->object->path, f->refusal);
		}
	}
	if (refused && !leave_out)
		fail("%s: %u function%s of the set cannot be derived", p->object->path, refused,
		     refused == 1 ? "" : "s");
}

bool set_is_entry(const struct program *p, const struct func *f)
{
	return conf_has(p->conf, CONF_ENTRY, f->name);
}

/* State of the lock analysis: for each instruction the most locks held before it, -1 unknown. */
struct locks {
	struct program *p;
	int8_t *held;
	int8_t *entered; /* by function: most locks held at its entry, -1 = not called */
	bool changed;
};

/* The analysis only ever raises levels, so it ends. */
static void raise_to(struct locks *l, int8_t *level, int now)
{
	if (now > 3)
		now = 3; /* nesting deeper than that changes nothing */
	if (*level >= now)
		return;
	*level = (int8_t)now;
	l->changed = true;
}

/* An indirect call may lead to each target. */
static void enter_targets(struct locks *l, int held)
{
	for (uint32_t k = 0; k < l->p->nfuncs; k++)
		if (l->p->funcs[k].in_set && l->p->funcs[k].address_taken)
			raise_to(l, &l->entered[k], held);
}

/* A callee returns with the locks it was entered with: no routine here hands one over. */
static void lock_step(struct locks *l, struct func *f, const struct insn *i, uint32_t x)
{
	struct program *p = l->p;
	int held = l->held[x];

	if (i->thunk >= 0)
		enter_targets(l, held);
	if (i->flow == FLOW_CALL && i->import) {
		held += name_lock(p->object->symbols[i->import].name);
		if (held < l->entered[f - p->funcs])
			held = l->entered[f - p->funcs];
	}
	if (i->target != NO_INSN) {
		struct func *to = insn_func(p, &p->insns[i->target]);

		if (to != f)
			raise_to(l, &l->entered[to - p->funcs], held);
		else if (i->flow != FLOW_CALL)
			raise_to(l, &l->held[i->target], held);
	}
	if (i->falls)
		raise_to(l, &l->held[x + 1], held);
}

bool *set_locked(struct program *p)
{
	struct locks l = { .p = p, .changed = true };
	bool *locked = zalloc(p->ninsns, sizeof(*locked));

	l.held = memset(zalloc(p->ninsns, 1), -1, p->ninsns);
	l.entered = memset(zalloc(p->nfuncs, 1), -1, p->nfuncs);
	for (uint32_t k = 0; k < p->conf->nlines; k++) {
		const struct conf_line *line = &p->conf->lines[k];

		if (line->verb == CONF_ENTRY)
			raise_to(&l, &l.entered[func_find(p, line->name) - p->funcs],
				 line->role == TWIN_ROLE_XMIT);
	}
	while (l.changed) {
		l.changed = false;
		for (uint32_t k = 0; k < p->nfuncs; k++) {
			struct func *f = &p->funcs[k];

			if (!f->in_set || l.entered[k] < 0)
				continue;
			raise_to(&l, &l.held[f->entry], l.entered[k]);
			for_each_insn(p, f, i, x) if (i->reachable && l.held[x] >= 0)
				lock_step(&l, f, i, x);
		}
	}
	for (uint32_t x = 0; x < p->ninsns; x++)
		locked[x] = l.held[x] > 0;
	return locked;
}

struct depths {
	struct program *p;
	int *bytes;    /* by function; -1 not known, -2 being computed */
	bool indirect; /* an indirect call was met */
};

/* Depth below f's entry over direct calls; memorised, and a cycle is a refusal. */
static int direct_bytes(struct depths *d, struct func *f)
{
	int *bytes = &d->bytes[f - d->p->funcs], most = f->deepest;

	if (*bytes == -2)
		refuse(d->p, f, NULL, "may call itself, so its stack has no bound");
	if (*bytes != -1)
		return *bytes > 0 ? *bytes : 0;
	*bytes = -2;
	for_each_insn(d->p, f, i, x)
	{
		struct func *to;
		int below;

		d->indirect |= i->reachable && i->thunk >= 0;
		if (!i->reachable || i->target == NO_INSN)
			continue;
		to = insn_func(d->p, &d->p->insns[i->target]);
		if (!to->in_set || (to == f && i->flow != FLOW_CALL))
			continue;
		below = i->depth + (i->flow == FLOW_CALL ? 8 : 0) + direct_bytes(d, to);
		if (below > most)
			most = below;
	}
	return *bytes = most;
}

uint32_t set_stack_bytes(struct program *p, struct func *f)
{
	struct depths d = { .p = p };
	uint32_t sum;

	d.bytes = memset(zalloc(p->nfuncs, sizeof(int)), -1, p->nfuncs * sizeof(int));
	sum = (uint32_t)direct_bytes(&d, f);
	for (uint32_t k = 0; d.indirect && k < p->nfuncs; k++) {
		struct func *to = &p->funcs[k];

		if (to->in_set && to->address_taken && !set_is_entry(p, to))
			sum += 8 + (uint32_t)direct_bytes(&d, to);
	}
	return sum;
}
