/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses of engine stlb: registers saved, the lookup of twin_abi.h, the access, restored. */
#include "emit.h"

#include "facts.h"
#include "guard.h"

#define PUSHFQ 0x9c
#define POPFQ  0x9d

/* `cmp` and `xor` of a register with a word of the entry that u leads to. */
static struct address entry_word(int u, int32_t word)
{
	return (struct address){ .base = u,
				 .index = -1,
				 .scale = 1,
				 .disp = TWIN_STLB_TABLE + word,
				 .segment = PREFIX_GS,
				 .wide = true };
}

static void emit_miss(struct emitter *e, int reg)
{
	struct item *item = emit_code(e, encode_call(), TWIN_MAP_GUARD);

	item->reloc_at = 1;
	item->reloc =
		(struct twin_reloc){ .type = TWIN_R_CALL32, .index = twin_import_miss(e->t, reg) };
}

/* s: the access's address in the dvm; behind it, its address in the hv. */
static void emit_sequence(struct emitter *e, int s, int t, int u)
{
	emit_code(e, encode_mov(t, s), TWIN_MAP_GUARD);
	emit_code(e, encode_and(t, TWIN_STLB_PAGE_MASK), TWIN_MAP_GUARD);
	emit_code(e, encode_mov(u, s), TWIN_MAP_GUARD);
	emit_code(e, encode_shr(u, TWIN_STLB_INDEX_SHIFT), TWIN_MAP_GUARD);
	emit_code(e, encode_and(u, TWIN_STLB_INDEX_MASK), TWIN_MAP_GUARD);
	emit_code(e, encode_cmp(t, entry_word(u, 0)), TWIN_MAP_GUARD);
	emit_code(e, encode_je(encode_call().length), TWIN_MAP_GUARD);
	emit_miss(e, s);
	emit_code(e, encode_xor(s, entry_word(u, 8)), TWIN_MAP_GUARD);
}

void emit_lookup(struct emitter *e, const struct memref *ref)
{
	const struct insn *i = e->i;
	struct address a = { .base = i->lookup.reg[0], .index = -1, .scale = 1 };
	int pushed = 0;
	struct code code;

	for (int r = 0; r < NREGS; r++)
		if (i->lookup.spills >> r & 1) {
			emit_code(e, encode_push(r), TWIN_MAP_SPILL);
			pushed += 8;
		}
	emit_compute(e, ref, i->lookup.reg[0], pushed, true);
	if (i->lookup.flags)
		emit_code(e, encode_byte(PUSHFQ), TWIN_MAP_SPILL);
	emit_sequence(e, i->lookup.reg[0], i->lookup.reg[1], i->lookup.reg[2]);
	if (i->lookup.flags)
		emit_code(e, encode_byte(POPFQ), TWIN_MAP_SPILL);
	code = encode_with_address(e->p, i, a);
	emit_imm_reloc(e, emit_code(e, code, TWIN_MAP_CHANGED), code);
	for (int r = NREGS; r-- > 0;)
		if (i->lookup.spills >> r & 1)
			emit_code(e, encode_pop(r), TWIN_MAP_SPILL);
}
