/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From instructions and plans to derived instructions. Bytes are copied where that is possible;
 * the rest is: guards, branches, operands that were relative to rip or to a per-CPU base, and
 * what emit_stack.c does.
 */
#include "emit.h"

#include <string.h>

#include "facts.h"
#include "guard.h"
#include "stack.h"
#include "util.h"

/* Ends of loops over tables may lie behind, starts before the section. */
#define ADDEND_SLACK (64 << 10)

#define PUSHFQ 0x9c
#define POPFQ  0x9d
#define RET    0xc3
#define JMP32  0xe9
#define CALL32 0xe8

/* The first item of an instruction is what branches to it lead to: guards are never jumped over. */
struct item *emit_code(struct emitter *e, struct code code, unsigned kind)
{
	struct twin *t = e->t;
	struct item *item;

	t->items = grow(t->items, t->nitems, &t->items_capacity, sizeof(*t->items));
	item = &t->items[t->nitems++];
	*item = (struct item){
		.insn = e->x, .kind = (uint8_t)kind, .length = code.length, .target = NO_INSN
	};
	memcpy(item->bytes, code.bytes, code.length);
	if (!t->first_item[e->x])
		t->first_item[e->x] = t->nitems;
	return item;
}

/* Does the reference lead to something whose address is a sign-extended 32-bit constant? */
static bool reloc_resolves(struct emitter *e, const struct reloc *r, int64_t addend)
{
	const struct symbol *y = reloc_symbol(e->p, r);
	const struct export *x;

	if (y->section == SHN_ABS) {
		refuse(e->p, e->f, e->i, "reference to the absolute symbol %s", y->name);
		return false;
	}
	if (y->section != SHN_UNDEF) {
		int64_t at = (int64_t)y->value + addend;

		if (at < -ADDEND_SLACK ||
		    at > (int64_t)e->p->object->sections[y->section].size + ADDEND_SLACK)
			refuse(e->p, e->f, e->i, "reference outside of section %s", y->name);
		else if (strcmp(e->p->object->sections[y->section].name, ".data..percpu") == 0)
			refuse(e->p, e->f, e->i, "address of the module's own per-CPU data");
		else
			return true;
		return false;
	}
	/* What no kernel table exports is another module's: castor looks it up at attach. */
	x = kernel_export(e->p->kernel, y->name);
	if (x && x->kind == EXPORT_PERCPU)
		refuse(e->p, e->f, e->i, "address of the per-CPU variable %s", y->name);
	return !(x && x->kind == EXPORT_PERCPU);
}

bool emit_reloc(struct emitter *e, struct item *item, uint8_t field, const struct reloc *r,
		int64_t addend)
{
	const struct symbol *y = reloc_symbol(e->p, r);

	if (!reloc_resolves(e, r, addend))
		return false;
	item->reloc_at = field;
	if (y->section == SHN_UNDEF)
		item->reloc = (struct twin_reloc){ .type = TWIN_R_DATA32,
						   .index = twin_import_data(e->t, y->name),
						   .addend = (int32_t)addend };
	else
		item->reloc =
			(struct twin_reloc){ .type = TWIN_R_SEC32,
					     .index = twin_section_index(e->t, y->section),
					     .addend = (int32_t)((int64_t)y->value + addend) };
	/* The addend is in the table alone, so that equal code is equal bytes. */
	memset(item->bytes + field, 0, 4);
	return true;
}

/* In the order of the plan: early ones first. */
static void emit_guards(struct emitter *e)
{
	for (unsigned k = 0; k < e->i->nguards; k++) {
		bool flags = e->i->guard_flags >> k & 1;

		if (flags)
			emit_code(e, encode_byte(PUSHFQ), TWIN_MAP_SPILL);
		emit_code(e, encode_bts(e->i->guard[k], TWIN_GUARD_BIT), TWIN_MAP_GUARD);
		if (flags)
			emit_code(e, encode_byte(POPFQ), TWIN_MAP_SPILL);
	}
}

/* A branch to an instruction of the module, or to what stands for its function. */
static void emit_branch(struct emitter *e, enum item_form form, uint8_t condition)
{
	struct func *to = insn_func(e->p, &e->p->insns[e->i->target]);
	struct item *item;

	if (to->in_set) {
		/* Its length is known only when all distances are: layout.c encodes it. */
		item = emit_code(e, (struct code){ .bytes = { condition }, .length = 0 },
				 TWIN_MAP_COPIED);
		item->bytes[0] = condition;
		item->form = (uint8_t)form;
		item->target = e->i->target;
		return;
	}
	/* An upcall is a call of the hv's stub; no conditional jump is a call. */
	if (form == ITEM_COND) {
		refuse(e->p, e->f, e->i, "conditional tail call of %s, which is not derived",
		       to->name);
		return;
	}
	item = emit_code(
		e, (struct code){ .bytes = { form == ITEM_CALL ? CALL32 : JMP32 }, .length = 5 },
		TWIN_MAP_CHANGED);
	item->reloc_at = 1;
	item->reloc =
		(struct twin_reloc){ .type = TWIN_R_CALL32, .index = twin_import_module(e->t, to) };
}

/* The field is filled by the loader, so always rel32. */
static void emit_import_branch(struct emitter *e, uint8_t opcode)
{
	const char *name = e->p->object->symbols[e->i->import].name;
	/* "cs call __x86_indirect_thunk_r11" loses its prefix */
	unsigned kind = e->i->length == 5 ? TWIN_MAP_COPIED : TWIN_MAP_CHANGED;
	struct item *item = emit_code(e, (struct code){ .bytes = { opcode }, .length = 5 }, kind);

	item->reloc_at = 1;
	item->reloc = (struct twin_reloc){ .type = TWIN_R_CALL32,
					   .index = twin_import_function(e->t, name) };
}

/* Jumps, calls, returns, traps. False: the instruction is none of them. */
static bool emit_flow(struct emitter *e)
{
	const struct insn *i = e->i;

	switch (i->flow) {
	case FLOW_NEXT:
		return false;
	case FLOW_DROP:
		return true;
	case FLOW_COND:
		emit_branch(e, ITEM_COND, i->z.opcode & 15);
		return true;
	case FLOW_JUMP:
		emit_branch(e, ITEM_JUMP, 0);
		return true;
	case FLOW_TAIL:
		emit_import_branch(e, JMP32);
		return true;
	case FLOW_CALL:
		if (i->import)
			emit_import_branch(e, CALL32);
		else
			emit_branch(e, ITEM_CALL, 0);
		/* What follows is somebody else's; a routine that returned must not run it. */
		if (!i->falls)
			emit_code(e, encode_ud2(), TWIN_MAP_TRAP);
		return true;
	case FLOW_RET: /* the kernel's return thunk is a mitigation for its own return addresses */
		emit_code(e, encode_byte(RET), i->length == 1 ? TWIN_MAP_COPIED : TWIN_MAP_CHANGED);
		return true;
	case FLOW_WARN:
	case FLOW_STOP:
		emit_code(e, encode_copy(e->p, i, 0), TWIN_MAP_COPIED);
		return true;
	}
	return false;
}

/*
 * The relocation of an immediate: an address as a number. 32 bits, sign-extended, reach all of the
 * kernel's image and modules.
 */
void emit_imm_reloc(struct emitter *e, struct item *item, struct code code)
{
	const struct reloc *r = insn_imm_reloc(e->i);

	if (!r)
		return;
	if (r->type != R_X86_64_32S || e->i->z.raw.imm[0].size != 32)
		refuse(e->p, e->f, e->i, "address as an immediate in an unknown form");
	else
		emit_reloc(e, item, code.imm_at, r, r->addend);
}

/* Relocation of a displacement: a place relative to rip, or an absolute one. */
static void emit_disp_reloc(struct emitter *e, struct item *item, struct code code,
			    const struct reloc *r)
{
	int64_t addend = r->addend;

	if (r->type == R_X86_64_PC32 || r->type == R_X86_64_PLT32)
		addend += e->i->offset + e->i->length - r->offset;
	else if (r->type != R_X86_64_32S) {
		refuse(e->p, e->f, e->i, "relocation of type %u", r->type);
		return;
	}
	emit_reloc(e, item, code.disp_at, r, addend);
}

/* rip-relative becomes absolute: from the hv's addresses the dvm's data is out of reach. */
static void emit_constant(struct emitter *e, const struct reloc *r)
{
	struct address a = { .base = -1, .index = -1, .scale = 1 };
	struct code code;
	struct item *item;

	/* mov rax, moffs64: its field is wider than any relocation of a twin. */
	if (!e->i->z.raw.modrm.offset) {
		refuse(e->p, e->f, e->i, "64-bit address in the instruction");
		return;
	}
	code = encode_with_address(e->p, e->i, a);
	item = emit_code(e, code, TWIN_MAP_CHANGED);
	emit_disp_reloc(e, item, code, r);
	if (insn_imm_reloc(e->i))
		refuse(e->p, e->f, e->i, "two addresses in one instruction");
}

/* `lea r, [rip+d]` without a relocation: a place in the same section, say the next instruction. */
static void emit_own_address(struct emitter *e, const ZydisDecodedOperand *m)
{
	struct address a = { .base = -1, .index = -1, .scale = 1 };
	int64_t at = (int64_t)e->i->offset + e->i->length + m->mem.disp.value;
	struct code code = encode_with_address(e->p, e->i, a);
	struct item *item;

	if (e->i->z.mnemonic != ZYDIS_MNEMONIC_LEA || at < 0 ||
	    at > e->p->object->sections[e->i->section].size) {
		refuse(e->p, e->f, e->i, "rip-relative operand without a relocation");
		return;
	}
	item = emit_code(e, code, TWIN_MAP_CHANGED);
	item->reloc_at = code.disp_at;
	item->reloc = (struct twin_reloc){ .type = TWIN_R_SEC32,
					   .index = twin_section_index(e->t, e->i->section),
					   .addend = (int32_t)at };
}

/* The displacement is final already: the file carries the block's layout. */
static void emit_gs(struct emitter *e, const struct memref *ref)
{
	const char *symbol;
	int64_t addend;
	struct address a = { .base = -1, .index = -1, .scale = 1, .segment = PREFIX_GS };

	if (!gs_operand(e->p, e->i, ref, &symbol, &addend)) {
		refuse(e->p, e->f, e->i, "per-CPU operand of an unknown kind");
		return;
	}
	a.disp = (int32_t)tables_gs_offset(e->t, symbol, addend);
	struct code code = encode_with_address(e->p, e->i, a);

	emit_imm_reloc(e, emit_code(e, code, TWIN_MAP_CHANGED), code);
}

/* Copy, with the relocation of a table's displacement or of an immediate. */
static void emit_copy(struct emitter *e)
{
	struct code code = encode_copy(e->p, e->i, 0);
	struct item *item = emit_code(e, code, TWIN_MAP_COPIED);
	const struct reloc *r = insn_disp_reloc(e->i);

	/* [b+i*s+data]: the registers are known to be small, so only the data's address changes. */
	if (r && r->type != R_X86_64_32S)
		refuse(e->p, e->f, e->i, "relocation of type %u", r->type);
	else if (r)
		emit_reloc(e, item, code.disp_at, r, r->addend);
	if (r && insn_imm_reloc(e->i))
		refuse(e->p, e->f, e->i, "two addresses in one instruction");
	emit_imm_reloc(e, item, code);
	/* A relocation that no branch above took would be lost without a word. */
	if (e->i->nrel && !item->reloc.type)
		refuse(e->p, e->f, e->i, "relocation in an unknown field");
}

void emit_compute(struct emitter *e, const struct memref *ref, int reg, int pushed, bool indexed)
{
	struct address a = { .base = ref->base,
			     .index = ref->index,
			     .scale = ref->scale,
			     .disp = (int32_t)ref->disp,
			     .wide = ref->reloc != NULL };
	struct insn *i = e->i;

	if (ref->class == MEM_STACK_INDEX) {
		emit_stack_address(e, reg, (int)ref->disp - i->depth, i->depth + pushed);
		if (!indexed)
			return;
		a = (struct address){ .base = reg, .index = ref->index, .scale = ref->scale };
	}
	struct code code = encode_lea(reg, a);
	struct item *item;

	item = emit_code(e, code, TWIN_MAP_GUARD);
	if (ref->reloc)
		emit_disp_reloc(e, item, code, ref->reloc);
}

/*
 * An access through a computed address: save, compute, guard, access, restore, each only where it
 * is needed. The plan has counted the stack that the pushes take.
 */
static void emit_through_address(struct emitter *e, const struct memref *ref)
{
	struct insn *i = e->i;
	int reg = i->address.reg;
	struct address a = { .base = reg, .index = -1, .scale = 1 };
	struct code code;

	if (i->address.spill)
		emit_code(e, encode_push(reg), TWIN_MAP_SPILL);
	emit_compute(e, ref, reg, i->address.spill ? 8 : 0, i->address.guarded);
	if (i->address.flags)
		emit_code(e, encode_byte(PUSHFQ), TWIN_MAP_SPILL);
	if (i->address.guarded)
		emit_code(e, encode_bts(reg, TWIN_GUARD_BIT), TWIN_MAP_GUARD);
	if (i->address.flags)
		emit_code(e, encode_byte(POPFQ), TWIN_MAP_SPILL);
	if (!i->address.guarded) { /* an index into a stack object, known to be small */
		a.index = ref->index;
		a.scale = ref->scale;
	}
	code = encode_with_address(e->p, i, a);
	emit_imm_reloc(e, emit_code(e, code, TWIN_MAP_CHANGED), code);
	if (i->address.spill)
		emit_code(e, encode_pop(reg), TWIN_MAP_SPILL);
}

/*
 * No branch and nothing of the stack: one of the ways to treat a memory operand, or a copy. The
 * order matters: an operand with a planned address may also have a relocation.
 */
static void emit_ordinary(struct emitter *e)
{
	struct memref ref[MEMREF_MAX];
	unsigned n = memref_collect(e->i, ref);
	const ZydisDecodedOperand *m = memref_operand(e->i);
	const struct reloc *r = insn_disp_reloc(e->i);
	const char *symbol;
	int64_t addend;

	if (n && e->i->lookup.needed)
		emit_lookup(e, &ref[0]);
	else if (n && e->i->address.needed)
		emit_through_address(e, &ref[0]);
	else if (n && (ref[0].class == MEM_GS || gs_operand(e->p, e->i, &ref[0], &symbol, &addend)))
		emit_gs(e, &ref[0]);
	else if (m && r && memref_classify(e->i, m) == MEM_CONST)
		emit_constant(e, r); /* an lea or a prefetch of module data too */
	else if (m && m->mem.base == ZYDIS_REGISTER_RIP)
		emit_own_address(e, m);
	else
		emit_copy(e);
}

/* Guards come first, also those of instructions that were dropped: branches lead to them. */
static void emit_insn(struct emitter *e)
{
	emit_guards(e);
	if (!emit_flow(e) && !emit_stack(e))
		emit_ordinary(e);
}

static void emit_part(struct twin *t, const struct part *part)
{
	struct emitter e = { .t = t, .p = t->p, .f = &t->p->funcs[part->func] };

	for (e.x = part->first; e.x < part->first + part->count; e.x++) {
		e.i = &t->p->insns[e.x];
		if (e.i->reachable) /* dead code may hold what could not be derived */
			emit_insn(&e);
	}
}

void emit_all(struct twin *t)
{
	uint32_t count, *order = twin_part_order(t, &count);

	for (uint32_t k = 0; k < count; k++)
		emit_part(t, &t->p->parts[order[k]]);
}
