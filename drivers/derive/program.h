/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The module as a program: instructions, the functions they form, and what each pass found out
 * about them. The passes run in the order of main.c; each field names the pass that fills it.
 */
#ifndef DERIVE_PROGRAM_H
#define DERIVE_PROGRAM_H

#include <Zydis/Zydis.h>

#include "btf.h"
#include "conf.h"
#include "kernel.h"
#include "object.h"

#define NO_INSN 0xffffffffu
#define NO_FUNC 0xffffffffu

/* General registers by their x86 numbers. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, NREGS };

typedef uint32_t regset; /* bit n = register n */

#define CALLEE_SAVED (1u << RBX | 1u << RBP | 1u << R12 | 1u << R13 | 1u << R14 | 1u << R15)

#define INSN_GUARDS 4

/* How control leaves an instruction. */
enum flow {
	FLOW_NEXT, /* to the next one only */
	/* to the next one, and it does nothing in a twin: nop, call __fentry__, a canary's check */
	FLOW_DROP,
	FLOW_JUMP, /* jmp inside the module */
	FLOW_COND, /* jcc inside the module */
	FLOW_CALL, /* call: inside the module (target) or of an import */
	FLOW_TAIL, /* jmp to an import */
	FLOW_RET,
	FLOW_WARN, /* ud2 of WARN: goes on behind it */
	FLOW_STOP, /* never goes on: other ud2, int3 */
};

struct insn {
	/* decode */
	uint32_t section, offset;
	uint32_t part;
	uint8_t length;
	uint8_t nrel;
	const struct reloc *rel[2];
	ZydisDecodedInstruction z;
	const ZydisDecodedOperand *op;
	/* cfg */
	enum flow flow;
	uint32_t target;     /* JUMP, COND, CALL: an instruction of this module, or NO_INSN */
	uint32_t import;     /* CALL, TAIL: symbol number of the import, or 0 */
	int8_t thunk;        /* CALL, TAIL of an indirect thunk: the register, else -1 */
	uint8_t stack_words; /* CALL of an import: stack arguments, which it may overwrite */
	bool varargs;        /* CALL of an import: stack_words is counted by the stack analysis */
	bool falls;          /* may go on to the next instruction */
	bool leader;         /* a branch may lead here */
	bool reachable;      /* from its function's entry, static keys frozen */
	bool canary;         /* canary: dropped, and ran as often as what follows it runs */
	/* live */
	regset live_in;    /* registers whose value may still be used before this instruction */
	uint32_t flags_in; /* the same for ZYDIS_CPUFLAG_ */
	/* stack: before this instruction, rsp and (if not NO_FRAME) rbp below the entry's rsp */
	int depth, frame;
	bool sets_frame; /* `mov rbp, rsp` that makes rbp a frame pointer */
	/*
	 * guard: registers guarded before this instruction; bit k of guard_flags: [k] saves flags
	 */
	uint8_t guard[INSN_GUARDS], nguards, guard_flags;
	uint8_t nearly; /* the first of them were put here early: see early.c */
	struct {
		bool needed;  /* the operand's address is computed into a register first */
		bool guarded; /* ... and guarded */
		bool flags;   /* ... with the flags saved */
		bool spill;   /* ... the register is saved around it */
		uint8_t reg;
	} address;
	/* lookup: engine stlb; registers s, t, u of twin_abi.h for the instruction's access */
	struct {
		bool needed;
		bool flags;    /* the flags are saved around it */
		regset spills; /* those of the registers that are saved around it */
		uint8_t reg[3];
	} lookup;
};

/* The extent of a FUNC symbol. gcc splits a function into a hot and a ".cold" one. */
struct part {
	const char *name;
	uint32_t section, offset, size;
	uint32_t first, count; /* instructions */
	uint32_t func;
	bool cold;
};

#define FUNC_PARTS 8

struct func {
	const char *name; /* of its hot part */
	uint32_t parts[FUNC_PARTS];
	uint32_t nparts;
	uint32_t entry; /* instruction */
	const char
		*refusal; /* why it cannot be derived, with function and offset; NULL if it can */
	bool in_set;      /* derived */
	bool upcall;      /* the set calls it, but it stays in the dvm */
	bool address_taken;
	bool returns_pair; /* may return 16 bytes, in rax and rdx */
	/* stack */
	int deepest;   /* rsp below the entry's, in bytes, with the return addresses of its calls */
	int saved_low; /* lowest entry offset of its saved registers */
	bool second;   /* has objects on the second stack, at entry offsets low .. high-1: */
	int second_low, second_high;
	/* guard, emit: counters for the reports */
	struct counts {
		uint32_t before, after; /* instructions: reachable ones but nops; derived ones */
		uint32_t dead;          /* instructions that only a frozen static key would reach */
		uint32_t bytes_before, bytes_after;
		uint32_t loads, stores; /* accesses that are not on the stack or constant */
		uint32_t guards;        /* placed; of these: */
		uint32_t early, hoisted, flags_saved, address, spilled;
		uint32_t removed; /* accesses proved safe without a guard of their own */
		uint32_t second_operands, second_addresses;
		uint32_t canary;  /* instructions of a stack canary that were dropped */
		uint32_t lookups; /* engine stlb */
	} n;
};

struct program {
	const struct object *object;
	const struct kernel *kernel;
	const struct conf *conf;
	const struct btf *btf; /* the module's own, or NULL */
	struct insn *insns;
	uint32_t ninsns;
	struct part *parts; /* sorted by (section, offset) */
	uint32_t nparts;
	struct func *funcs;
	uint32_t nfuncs;
	uint32_t **insn_at; /* [section][offset]: instruction + 1, or 0 */
};

/* Instruction that starts there, or NO_INSN. */
uint32_t insn_find(const struct program *p, uint32_t section, uint64_t offset);

struct func *insn_func(const struct program *p, const struct insn *i);

/* Function of that name, or NULL. */
struct func *func_find(const struct program *p, const char *name);

/* "e1000_intr+0x12 (.text+0x1f32)" */
const char *insn_place(const struct program *p, const struct insn *i);

/* Record why f cannot be derived; the first reason is kept. `i` may be NULL. */
void refuse(struct program *p, struct func *f, const struct insn *i, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Symbol that a relocation refers to. */
const struct symbol *reloc_symbol(const struct program *p, const struct reloc *r);

/* Number of a general register of any width, -1 for anything else. */
int reg_number(ZydisRegister r);

/* Its width in bits. */
unsigned reg_width(ZydisRegister r);

/* Is it ah, ch, dh or bh, which exclude a REX prefix? */
bool reg_is_high_byte(ZydisRegister r);

/* The relocation of the displacement field, or NULL. */
const struct reloc *insn_disp_reloc(const struct insn *i);

/* The relocation of an immediate field, or NULL. */
const struct reloc *insn_imm_reloc(const struct insn *i);

/* First bytes of the instruction in the file. */
const uint8_t *insn_bytes(const struct program *p, const struct insn *i);

/* decode.c: parts and instructions. */
void decode(struct program *p);

/* cfg.c: control flow, functions, reachability. */
void cfg_build(struct program *p);

/* for (each instruction of f): i is a struct insn pointer, x the instruction's number */
#define for_each_insn(p, f, i, x)                                                   \
	for (uint32_t part_##i = 0; part_##i < (f)->nparts; part_##i++)             \
		for (uint32_t x = (p)->parts[(f)->parts[part_##i]].first,           \
			      end_##i = x + (p)->parts[(f)->parts[part_##i]].count; \
		     x < end_##i; x++)                                              \
			for (struct insn *i = &(p)->insns[x]; i; i = NULL)

#endif
