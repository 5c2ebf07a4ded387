/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small questions about the program that every pass asks. */
#include "program.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

uint32_t insn_find(const struct program *p, uint32_t section, uint64_t offset)
{
	if (section == 0 || section >= p->object->nsections || !p->insn_at[section] ||
	    offset >= p->object->sections[section].size)
		return NO_INSN;
	return p->insn_at[section][offset] - 1;
}

struct func *insn_func(const struct program *p, const struct insn *i)
{
	return &p->funcs[p->parts[i->part].func];
}

struct func *func_find(const struct program *p, const char *name)
{
	for (uint32_t k = 0; k < p->nfuncs; k++)
		if (strcmp(p->funcs[k].name, name) == 0)
			return &p->funcs[k];
	return NULL;
}

const char *insn_place(const struct program *p, const struct insn *i)
{
	const struct part *part = &p->parts[i->part];

	return format_string("%s+0x%x (%s+0x%x)", part->name, i->offset - part->offset,
			     p->object->sections[i->section].name, i->offset);
}

/* The place is part of the reason: it is all that a reader gets. */
void refuse(struct program *p, struct func *f, const struct insn *i, const char *format, ...)
{
	va_list args;
	char *reason;

	if (f->refusal)
		return;
	va_start(args, format);
	if (vasprintf(&reason, format, args) < 0)
		fail("out of memory");
	va_end(args);
	f->refusal = format_string("%s: %s", i ? insn_place(p, i) : f->name, reason);
	free(reason);
}

const struct symbol *reloc_symbol(const struct program *p, const struct reloc *r)
{
	return &p->object->symbols[r->symbol];
}

int reg_number(ZydisRegister r)
{
	ZydisRegister large = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);

	if (large < ZYDIS_REGISTER_RAX || large > ZYDIS_REGISTER_R15)
		return -1;
	return large - ZYDIS_REGISTER_RAX;
}

unsigned reg_width(ZydisRegister r)
{
	return ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, r);
}

bool reg_is_high_byte(ZydisRegister r)
{
	return r >= ZYDIS_REGISTER_AH && r <= ZYDIS_REGISTER_BH;
}

/* A relocation belongs to the field that starts where it applies. */
const struct reloc *insn_disp_reloc(const struct insn *i)
{
	for (unsigned k = 0; k < i->nrel; k++)
		if (i->z.raw.disp.size && i->rel[k]->offset == i->offset + i->z.raw.disp.offset)
			return i->rel[k];
	return NULL;
}

const struct reloc *insn_imm_reloc(const struct insn *i)
{
	for (unsigned k = 0; k < i->nrel; k++)
		if (i->z.raw.imm[0].size && i->rel[k]->offset == i->offset + i->z.raw.imm[0].offset)
			return i->rel[k];
	return NULL;
}

const uint8_t *insn_bytes(const struct program *p, const struct insn *i)
{
	return p->object->sections[i->section].data + i->offset;
}
