/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A function side by side: each instruction of the module, and what stands for it. */
#include <string.h>

#include "derive.h"
#include "util.h"

#define COLUMN 58

struct printer {
	const struct twin *t;
	const struct program *p;
	ZydisDecoder decoder;
	ZydisFormatter formatter;
};

static void disassemble(const struct printer *r, const uint8_t *bytes, size_t n, uint64_t at,
			char *line, size_t size)
{
	ZydisDecodedInstruction z;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];

	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&r->decoder, bytes, n, &z, op)) ||
	    !ZYAN_SUCCESS(ZydisFormatterFormatInstruction(
		    &r->formatter, &z, op, z.operand_count_visible, line, size, at, NULL)))
		snprintf(line, size, "(bytes that are no instruction)");
}

/* What a relocated field of a derived instruction stands for. */
static const char *note(const struct twin *t, const struct item *item)
{
	const struct twin_reloc *r = &item->reloc;

	switch (r->type) {
	case TWIN_R_SEC32:
		return format_string("  ; %s+0x%x", twin_string_at(t, t->sections[r->index].name),
				     (uint32_t)r->addend);
	case TWIN_R_DATA32:
		return format_string("  ; %s+0x%x", twin_string_at(t, t->imports[r->index].name),
				     (uint32_t)r->addend);
	case TWIN_R_CALL32:
		return format_string("  ; %s", twin_string_at(t, t->imports[r->index].name));
	case TWIN_R_STACK64:
		return "  ; distance of the second stack";
	default:
		return "";
	}
}

static const char mark[] = {
	[TWIN_MAP_COPIED] = ' ', [TWIN_MAP_CHANGED] = '~', [TWIN_MAP_GUARD] = 'G',
	[TWIN_MAP_STACK] = 'S',  [TWIN_MAP_SPILL] = 'P',   [TWIN_MAP_TRAP] = 'T',
};

static void print_item(const struct printer *r, const char *left, const struct item *item, FILE *to)
{
	char line[128];

	disassemble(r, item->bytes, item->length, item->offset, line, sizeof(line));
	fprintf(to, "%-*s | %c %6x  %s%s\n", COLUMN, left, mark[item->kind], item->offset, line,
		note(r->t, item));
}

/* Left the module's instruction, right the first of its derived ones; the others follow alone. */
static void print_insn(const struct printer *r, uint32_t x, FILE *to)
{
	const struct insn *i = &r->p->insns[x];
	const char *symbol = i->nrel ? reloc_symbol(r->p, i->rel[0])->name : "";
	uint32_t k = r->t->first_item[x];
	char line[128], left[256];

	disassemble(r, insn_bytes(r->p, i), i->length, i->offset, line, sizeof(line));
	snprintf(left, sizeof(left), "%6x  %s%s%s", i->offset, line, *symbol ? "  ; " : "", symbol);
	if (!k)
		fprintf(to, "%-*s | - %s\n", COLUMN, left, i->reachable ? "" : "       (dead)");
	for (bool first = true; k && k <= r->t->nitems && r->t->items[k - 1].insn == x; k++) {
		print_item(r, first ? left : "", &r->t->items[k - 1], to);
		first = false;
	}
}

void diff_print(const struct twin *t, const char *function, FILE *to)
{
	struct printer r = { .t = t, .p = t->p };
	const struct func *f = function ? func_find(t->p, function) : NULL;

	if (!f)
		fail("%s: has no function %s", t->p->object->path, function ? function : "(none)");
	if (!f->in_set)
		fail("%s: %s is not derived", t->p->object->path, function);
	ZydisDecoderInit(&r.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	ZydisFormatterInit(&r.formatter, ZYDIS_FORMATTER_STYLE_INTEL);
	fputs("marks: ~ changed, G guard, S stack object, P spill, T trap, - dropped\n", to);
	for (uint32_t n = 0; n < f->nparts; n++) {
		const struct part *part = &t->p->parts[f->parts[n]];

		fprintf(to, "\n%s (%s+0x%x)\n", part->name,
			t->p->object->sections[part->section].name, part->offset);
		for (uint32_t x = part->first; x < part->first + part->count; x++)
			print_insn(&r, x, to);
	}
}
