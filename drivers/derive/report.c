/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What derive did, for people and as JSON for the tests and the results page. */
#include <string.h>

#include "derive.h"
#include "set.h"

/* Which list of the report an import belongs to. */
enum list {
	LIST_NATIVE,
	LIST_UPCALL,
	LIST_MODULE,
	LIST_THUNK,
	LIST_MISS,
	LIST_NEVER,
	LIST_DATA,
	LIST_COUNT
};

static const char *const list_names[LIST_COUNT] = { "native", "upcall",    "module_upcall",
						    "thunk",  "stlb_miss", "never_returns",
						    "data" };

static enum list list_of(const struct twin_import *m)
{
	switch (m->kind) {
	case TWIN_IMPORT_DATA:
		return LIST_DATA;
	case TWIN_IMPORT_THUNK:
		return LIST_THUNK;
	case TWIN_IMPORT_MISS:
		return LIST_MISS;
	case TWIN_IMPORT_MODULE:
		return LIST_MODULE;
	default:
		return m->flags & TWIN_IMPORT_NATIVE     ? LIST_NATIVE
		       : m->flags & TWIN_IMPORT_NORETURN ? LIST_NEVER
							 : LIST_UPCALL;
	}
}

static void add(struct counts *sum, const struct counts *n)
{
	sum->before += n->before;
	sum->after += n->after;
	sum->dead += n->dead;
	sum->bytes_before += n->bytes_before;
	sum->bytes_after += n->bytes_after;
	sum->loads += n->loads;
	sum->stores += n->stores;
	sum->guards += n->guards;
	sum->early += n->early;
	sum->hoisted += n->hoisted;
	sum->flags_saved += n->flags_saved;
	sum->address += n->address;
	sum->spilled += n->spilled;
	sum->removed += n->removed;
	sum->second_operands += n->second_operands;
	sum->second_addresses += n->second_addresses;
	sum->canary += n->canary;
	sum->lookups += n->lookups;
}

static double percent(uint32_t part, uint32_t whole)
{
	return whole ? 100.0 * part / whole : 0;
}

static double growth(const struct counts *n)
{
	return percent(n->after, n->before) - 100;
}

static void text_row(FILE *to, const char *name, const struct counts *n)
{
	fprintf(to, "%-34s %6u %6u %+6.1f%% %6u %6u %6u %5u %5u %5u %5u %5u %6u\n", name, n->before,
		n->after, n->before ? growth(n) : 0, n->dead, n->loads, n->stores, n->guards,
		n->removed, n->early + n->hoisted, n->flags_saved, n->address,
		n->second_operands + n->second_addresses);
}

static void text_functions(const struct twin *t, FILE *to, struct counts *sum)
{
	fprintf(to, "%-34s %6s %6s %7s %6s %6s %6s %5s %5s %5s %5s %5s %6s\n", "function", "before",
		"after", "", "dead", "loads", "stores", "guard", "none", "moved", "flags", "addr",
		"2ndstk");
	for (uint32_t k = 0; k < t->p->nfuncs; k++) {
		const struct func *f = &t->p->funcs[k];

		if (!f->in_set)
			continue;
		add(sum, &f->n);
		text_row(to, f->name, &f->n);
	}
	text_row(to, "SUM", sum);
}

/* What an upcall stub needs to know is said here too: stack arguments and locks. */
static void text_import(const struct twin *t, FILE *to, const struct twin_import *m)
{
	if (m->kind == TWIN_IMPORT_DATA) {
		fprintf(to, "  %s\n", twin_string_at(t, m->name));
		return;
	}
	fprintf(to, "  %-34s %3u call%s", twin_string_at(t, m->name), m->calls,
		m->calls == 1 ? "" : "s");
	if (list_of(m) == LIST_UPCALL || list_of(m) == LIST_MODULE) {
		if (m->flags & TWIN_IMPORT_PROTO)
			fprintf(to, ", %u argument%s", m->nargs, m->nargs == 1 ? "" : "s");
		else
			fputs(", prototype unknown", to);
		if (m->nstack)
			fprintf(to, ", %u on the stack", m->nstack);
		if (m->flags & TWIN_IMPORT_VARARGS)
			fputs(", varargs", to);
		if (m->flags & TWIN_IMPORT_LOCKED)
			fputs(", REACHABLE UNDER A LOCK", to);
	}
	fputc('\n', to);
}

static void text_imports(const struct twin *t, FILE *to)
{
	static const char *const titles[LIST_COUNT] = { "natives (by the description)",
							"upcalls to the kernel",
							"upcalls to the module",
							"indirect calls through",
							"misses of lookups",
							"never return",
							"kernel data" };

	for (unsigned list = 0; list < LIST_COUNT; list++) {
		bool title = false;

		for (uint32_t k = 0; k < t->nimports; k++) {
			if (list_of(&t->imports[k]) != list)
				continue;
			if (!title)
				fprintf(to, "\n%s:\n", titles[list]);
			title = true;
			text_import(t, to, &t->imports[k]);
		}
	}
}

static const char *function_name(const struct twin *t, uint32_t k)
{
	return twin_string_at(t, t->functions[k].name);
}

/* Entries, targets, per-CPU places and frozen keys: what the hv checks at attach. */
static void text_rest(const struct twin *t, FILE *to)
{
	for (uint32_t k = 0; k < t->nentries; k++)
		fprintf(to, "%sentry %s: %s, at most %u bytes of stack\n", k ? "" : "\n",
			role_name(t->entries[k].role), function_name(t, t->entries[k].function),
			t->entries[k].stack_bytes);
	for (uint32_t k = 0; k < t->ntargets; k++)
		fprintf(to, "target of indirect calls: %s\n",
			function_name(t, t->targets[k].function));
	for (uint32_t k = 0; k < t->ngs; k++)
		fprintf(to, "gs:0x%x: %s+0x%x, %u bytes\n", t->gs[k].gs_offset,
			twin_string_at(t, t->gs[k].name), t->gs[k].addend, t->gs[k].bytes);
	for (uint32_t k = 0; k < t->nkeys; k++)
		fprintf(to, "static key frozen %s: %s+0x%x\n", t->keys[k].enabled ? "on" : "off",
			t->keys[k].import != TWIN_NONE
				? twin_string_at(t, t->imports[t->keys[k].import].name)
			: t->keys[k].section != TWIN_NONE
				? twin_string_at(t, t->sections[t->keys[k].section].name)
				: "?",
			t->keys[k].offset);
	for (uint32_t k = 0; k < t->p->nfuncs; k++)
		if (t->p->funcs[k].refusal && t->p->funcs[k].upcall)
			fprintf(to, "refused: %s\n", t->p->funcs[k].refusal);
}

static void text_guards(FILE *to, const struct counts *sum)
{
	uint32_t all = sum->loads + sum->stores, needed = all - sum->removed;

	fprintf(to,
		"\n%u of %u accesses need a guard (%.1f%%): %u instructions, %.1f%% of the "
		"original; %u of them moved up,\n%u with the flags saved, %u of computed "
		"addresses (%u with a register spilled).\n",
		needed, all, percent(needed, all), sum->guards, percent(sum->guards, sum->before),
		sum->early + sum->hoisted, sum->flags_saved, sum->address, sum->spilled);
}

void report_text(const struct twin *t, FILE *to)
{
	struct counts sum = { 0 };

	fprintf(to, "%s for kernel %s, facts level %u, %u bytes of text, %u relocations\n\n",
		t->p->conf->module, t->p->kernel->release, t->facts, t->text_size, t->nrelocs);
	text_functions(t, to, &sum);
	if (t->engine == TWIN_ENGINE_STLB)
		fprintf(to, "\n%u lookups, %u registers spilled, %u times the flags saved.\n",
			sum.lookups, sum.spilled, sum.flags_saved);
	else
		text_guards(to, &sum);
	fprintf(to, "Dropped: %u instructions of stack canaries.\nFunctions replaced by hand: 0\n",
		sum.canary);
	text_imports(t, to);
	text_rest(t, to);
}

/* Names come from symbol tables; anything that JSON does not like in them is replaced. */
static void json_string(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text; text++)
		fputc(*text < ' ' || *text > '~' || *text == '"' || *text == '\\' ? '?' : *text,
		      to);
	fputc('"', to);
}

static void json_counts(FILE *to, const struct counts *n)
{
	fprintf(to,
		"\"before\": %u, \"after\": %u, \"dead\": %u, \"bytes_before\": %u, "
		"\"bytes_after\": %u, \"loads\": %u, \"stores\": %u, \"guards\": %u, "
		"\"removed\": %u, \"early\": %u, \"hoisted\": %u, \"flags_saved\": %u, "
		"\"address\": %u, "
		"\"spilled\": %u, \"second_operands\": %u, \"second_addresses\": %u, "
		"\"canary\": %u, \"lookups\": %u",
		n->before, n->after, n->dead, n->bytes_before, n->bytes_after, n->loads, n->stores,
		n->guards, n->removed, n->early, n->hoisted, n->flags_saved, n->address, n->spilled,
		n->second_operands, n->second_addresses, n->canary, n->lookups);
}

static void json_functions(const struct twin *t, FILE *to)
{
	struct counts sum = { 0 };
	bool first = true;

	fputs("\"functions\": [", to);
	for (uint32_t k = 0; k < t->p->nfuncs; k++) {
		const struct func *f = &t->p->funcs[k];

		if (!f->in_set)
			continue;
		add(&sum, &f->n);
		fprintf(to, "%s\n  {\"name\": ", first ? "" : ",");
		first = false;
		json_string(to, f->name);
		fputs(", ", to);
		json_counts(to, &f->n);
		fputc('}', to);
	}
	fputs("\n],\n\"total\": {", to);
	json_counts(to, &sum);
	fputs(", \"replaced_by_hand\": 0},\n", to);
}

static void json_imports(const struct twin *t, FILE *to)
{
	fputs("\"imports\": {", to);
	for (unsigned list = 0; list < LIST_COUNT; list++) {
		bool first = true;

		fprintf(to, "%s\n  \"%s\": [", list ? "," : "", list_names[list]);
		for (uint32_t k = 0; k < t->nimports; k++) {
			const struct twin_import *m = &t->imports[k];

			if (list_of(m) != list)
				continue;
			fprintf(to, "%s\n    {\"name\": ", first ? "" : ",");
			first = false;
			json_string(to, twin_string_at(t, m->name));
			fprintf(to,
				", \"calls\": %u, \"prototype\": %s, \"args\": %u, "
				"\"stack_words\": %u, \"locked\": %s}",
				m->calls, m->flags & TWIN_IMPORT_PROTO ? "true" : "false", m->nargs,
				m->nstack, m->flags & TWIN_IMPORT_LOCKED ? "true" : "false");
		}
		fputc(']', to);
	}
	fputs("\n},\n", to);
}

void report_json(const struct twin *t, FILE *to)
{
	bool first = true;

	fputs("{\"module\": ", to);
	json_string(to, t->p->conf->module);
	fputs(", \"kernel\": ", to);
	json_string(to, t->p->kernel->release);
	fprintf(to,
		", \"facts\": %u, \"engine\": %u, \"flags\": %u, \"text_bytes\": %u, "
		"\"relocations\": %u,\n",
		t->facts, t->engine, t->flags, t->text_size, t->nrelocs);
	json_functions(t, to);
	json_imports(t, to);
	fputs("\"entries\": [", to);
	for (uint32_t k = 0; k < t->nentries; k++)
		fprintf(to, "%s{\"role\": \"%s\", \"function\": \"%s\", \"stack_bytes\": %u}",
			k ? ", " : "", role_name(t->entries[k].role),
			function_name(t, t->entries[k].function), t->entries[k].stack_bytes);
	fputs("],\n\"refused\": [", to);
	for (uint32_t k = 0; k < t->p->nfuncs; k++) {
		if (!t->p->funcs[k].refusal || !t->p->funcs[k].upcall)
			continue;
		fputs(first ? "\n  " : ",\n  ", to);
		first = false;
		json_string(to, t->p->funcs[k].refusal);
	}
	fputs("]}\n", to);
}
