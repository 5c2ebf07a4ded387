/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The .twin file: what `derive` writes and what the judge (`verify`), the hv's loader and the
 * host tools read. This header is the whole contract; it needs nothing but fixed-size integers.
 *
 * A .twin file is an ELF64 relocatable object for x86-64, so that readelf, objdump and gdb can
 * open it, but its reader needs no ELF code: struct twin_header lies at the fixed file offset
 * TWIN_HEADER_OFFSET (right behind the ELF header) and gives the file offset and the number of
 * elements of each table. ELF section headers only repeat the same places for tools.
 *
 * Everything is little endian. Every number in a file is untrusted: a reader checks the magic,
 * the version, file_size and the CRC first, then that every table lies inside the file, then
 * each index and offset of an element before it is used. Nothing in the file makes a text safe;
 * only the judge's verdict on the final, relocated bytes does.
 *
 * Words: "module" is the stock .ko (its code runs in the dvm), "twin" is the derived text. A
 * text offset counts from the first byte of TWIN_TABLE_TEXT; a module offset counts from the
 * start of a section of the .ko. An index of a section is one into TWIN_TABLE_SECTIONS, never
 * an ELF section number. A name is an offset into TWIN_TABLE_STRINGS.
 */
#ifndef TWIN_ABI_H
#define TWIN_ABI_H

#include <stddef.h>
#include <stdint.h>

#define TWIN_MAGIC         "POLLUXTW" /* 8 bytes, no terminating NUL */
#define TWIN_VERSION       1
#define TWIN_HEADER_OFFSET 64
#define TWIN_FILE_MAX      (64u << 20) /* no file is larger: offsets and sums fit in 32 bits */
#define TWIN_NONE          0xffffffffu /* "no such index" */

/*
 * Properties of the address space that derived code relies on (rules R1, R2 of the design).
 * A guard is `bts r64, TWIN_GUARD_BIT`. An access may go up to 2^TWIN_SLACK_LOG2 bytes past a
 * guarded pointer, so the lowest and the highest 2^TWIN_SLACK_LOG2 bytes of the lower half are
 * unmapped while a twin runs, and in the upper half nothing but window pages is mapped.
 */
#define TWIN_GUARD_BIT  47
#define TWIN_SLACK_LOG2 40

/*
 * State at an entry of the twin, set by the hv: System V calling convention, DF = 0, rsp in the
 * lower half with rsp % 16 == 8 (return address on top), gs base = the gs block (below), fs base =
 * stack distance = (second stack top) - (hv stack top), canonical, so that fs:[rsp + d] is the
 * second stack's image of [rsp + d].
 *
 * What derived text consists of. Everything else is refused by derive, and by the judge.
 *  - Direct jumps, conditional jumps and calls inside the text (rel8 or rel32), `ret` (c3).
 *  - `call rel32` and `jmp rel32` with a TWIN_R_CALL32 relocation. There is no indirect branch:
 *    an indirect call of the module is a call of an import of kind TWIN_IMPORT_THUNK, whose code
 *    belongs to the hv. A call that never returns is followed by `ud2`.
 *  - `ud2`: listed in TWIN_TABLE_TRAPS it is a WARN and execution goes on behind it, with the
 *    registers unchanged; not listed it ends the twin. `int3` fills the gaps between functions.
 *  - rsp changes only by push, pop, call, ret and `add|sub rsp, imm` (derive replaces frame
 *    pointers), and is a static constant below its value at the function's entry at each
 *    instruction. At ret and at each jump that leaves the function it is back at that value, and
 *    rbx, rbp, r12..r15 hold what they held at the entry.
 *  - Memory operands, with EA = effective address:
 *      [rsp+d]        safe stack; inside the function's frame, or reading its stack arguments.
 *                     `lock or|add dword [rsp-4], 0` is a barrier and the only one below rsp.
 *      fs:[rsp+d]     second stack, inside the function's frame
 *      gs:[disp32]    gs block, 0 <= disp32 and disp32 + size <= TWIN_GS_BLOCK_BYTES, no register
 *      [disp32]       negative (sign-extended: upper half), no register, TWIN_R_SEC32 or DATA32
 *      [b+i*s+d] ...  anything else: EA must be provably within 2^TWIN_SLACK_LOG2 of a pointer
 *                     that was guarded, see "facts" below; string operations: rsi and rdi
 *    prefetches and multi-byte nops may name any address, `lea` computes but does not access.
 *  - Guards. One instruction `bts r64, 47` (REX.W 0f ba /5 2f, register form); where flags are
 *    live the three instructions `pushfq; bts r64, 47; popfq`, into which no branch leads and
 *    which is the only use of pushfq and popfq.
 *    An address that no single register anchors is computed first: `lea s, [EA]; bts s, 47` and
 *    the access is [s]; where no register is free, `push s` before and `pop s` behind it.
 *  - With engine stlb (below) no access rests on a guard: each one but [rsp+d], fs and gs is made
 *    through a lookup. There are no string operations.
 *  - The address of a stack object: `mov r, imm64` (TWIN_R_STACK64) `; lea r, [rsp+r+d]`.
 *    It lies in dvm memory; what is stored there by push or mov is also written through fs.
 *
 * Facts. derive leaves a guard out where a must-analysis over the whole function proves that it
 * changes nothing. The analysis knows two things about a register: its *slack* (its low 48 bits
 * lie at most so far outside the upper half [2^47, 2^48), modulo 2^48) and its *bound* (largest
 * magnitude as a signed number; whether it is known not to be negative).
 *  - A guard makes slack 0. So do a TWIN_R_SEC32 or DATA32 immediate and a stack object's address.
 *  - mov, lea, add, sub, inc, dec, cmovcc, xchg, `and r, imm32 < 0` carry slack, plus the other
 *    operands' bounds; a sum at or over 2^TWIN_SLACK_LOG2 is unknown. Writing 32 bits bounds by
 *    2^32-1, movzx and movsx by their source; shl, shr, and, imul by an immediate carry bounds.
 *  - A call (import, thunk or text) keeps only rbx, rbp, r12..r15 and the frame; at level strict
 *    a call inside the text or of a thunk keeps none: the callee restores them from its stack.
 *  - Where paths meet the larger slack and bound hold.
 * The level says which further facts were used.
 */
enum twin_facts {
	TWIN_FACTS_STRICT = 0, /* the above and nothing else */
	TWIN_FACTS_ACCESS = 1, /* + an access that did not fault proves its pointer's slack */
	TWIN_FACTS_SLOTS = 2, /* + facts follow 64-bit values through push/pop and [rsp+d] spills */
};

enum twin_engine {
	TWIN_ENGINE_WINDOW = 0,
	TWIN_ENGINE_STLB = 1, /* the measured baseline */
};

/*
 * Engine stlb: the paper's inline hash lookup. Behind the gs block, out of reach of gs operands
 * of any other form, lies a table of TWIN_STLB_ENTRIES entries, which the hv alone writes:
 * {page address in the dvm, that XOR the page's address in the hv}. An access of [EA] is
 *
 *     lea s, [EA]              (or what else computes it)
 *     mov t, s                 the lookup: from here on exactly these instructions and these
 *     and t, -4096             constants, with three registers of which none is rsp and the
 *     mov u, s                 third not r12; 64 bits each, `and` with a 4-byte immediate,
 *     shr u, 8                 displacements of 4 bytes
 *     and u, 0xfff0            ... = 16 * ((EA >> 12) & 4095)
 *     cmp t, gs:[u + TWIN_STLB_TABLE]
 *     je  1f
 *     call MISS(s)             an import of kind TWIN_IMPORT_MISS for register s
 *  1: xor s, gs:[u + TWIN_STLB_TABLE + 8]
 *     access of [s]
 *
 * Where flags are live the lookup stands between `pushfq` and `popfq`. No branch leads into it or
 * to the access behind it. A miss routine keeps all registers and flags; it returns when the
 * entry is the one of s, or not at all. From the page in the hv at least the 4 KiB behind it hold
 * the dvm's next page or nothing, so an access of up to 4 KiB may begin anywhere in a page.
 */
#define TWIN_STLB_ENTRIES     4096
#define TWIN_STLB_TABLE       0x1000 /* = TWIN_GS_BLOCK_BYTES */
#define TWIN_STLB_PAGE_MASK   (-4096)
#define TWIN_STLB_INDEX_SHIFT 8
#define TWIN_STLB_INDEX_MASK  0xfff0 /* 16 bytes for each entry */

/* Header flags. A loader that does not know a set flag, or that sees any of these, refuses. */
#define TWIN_FLAG_NO_LOAD_GUARDS  (1u << 0) /* experiment: loads are not guarded */
#define TWIN_FLAG_NO_STORE_GUARDS (1u << 1) /* experiment: stores are not guarded */
#define TWIN_FLAG_NAIVE_GUARDS    (1u << 2) /* experiment: no guard was left out (but safe) */
#define TWIN_FLAG_ALL_FUNCTIONS   (1u << 3) /* test: every derivable function, not a hot set */

/* Tables in the order of twin_header.table[]; the comment names the element type. */
enum twin_table_id {
	TWIN_TABLE_TEXT,      /* bytes; file offset is a multiple of 16 */
	TWIN_TABLE_STRINGS,   /* bytes; the first and the last byte are NUL */
	TWIN_TABLE_RELOCS,    /* struct twin_reloc, sorted by where, fields do not overlap */
	TWIN_TABLE_IMPORTS,   /* struct twin_import */
	TWIN_TABLE_SECTIONS,  /* struct twin_section: sections of the module that are referred to */
	TWIN_TABLE_FUNCTIONS, /* struct twin_function, sorted by twin_offset, disjoint */
	TWIN_TABLE_ENTRIES,   /* struct twin_entry */
	TWIN_TABLE_TARGETS,   /* struct twin_target, sorted by (section, module_offset) */
	TWIN_TABLE_GS,        /* struct twin_gs, sorted by gs_offset, disjoint */
	TWIN_TABLE_KEYS,      /* struct twin_key */
	TWIN_TABLE_TRAPS,     /* struct twin_trap, sorted by twin_offset */
	/* struct twin_map, one per derived instruction, sorted by twin_offset */
	TWIN_TABLE_BY_TWIN,
	TWIN_TABLE_BY_MODULE, /* struct twin_map, one per module instruction of the functions,
				 sorted by (section, module_offset) */
	TWIN_TABLE_COUNT
};

struct twin_table {
	uint32_t offset; /* from the start of the file; a multiple of 8 */
	uint32_t count;  /* elements */
};

struct twin_header {
	uint8_t magic[8];
	uint32_t version;
	uint32_t header_size; /* sizeof(struct twin_header) */
	uint32_t file_size;
	uint32_t crc32;            /* twin_crc32 of the whole file with this field taken as 0 */
	uint32_t flags;            /* TWIN_FLAG_ */
	uint8_t engine;            /* enum twin_engine */
	uint8_t facts;             /* enum twin_facts */
	uint8_t guard_bit;         /* TWIN_GUARD_BIT */
	uint8_t slack_log2;        /* TWIN_SLACK_LOG2 */
	uint8_t module_sha256[32]; /* of the input .ko, byte for byte */
	char module[56];           /* name as in /sys/module, NUL padded, terminated */
	char vermagic[64]; /* of the .ko: "6.1.0-56-amd64 SMP ...", NUL padded, terminated */
	uint32_t gs_bytes; /* size of the gs block in use, at most TWIN_GS_BLOCK_BYTES */
	uint32_t reserved; /* 0 */
	struct twin_table table[TWIN_TABLE_COUNT];
};

/*
 * Relocations: the only changes that a loader makes to the text. `where` is the text offset of
 * the field. A value that does not fit (32-bit fields are sign-extended) refuses the twin.
 */
enum twin_reloc_type {
	TWIN_R_SEC32 = 1,   /* 4 bytes = address of sections[index] in the dvm + addend */
	TWIN_R_DATA32 = 2,  /* 4 bytes = address of data import [index] in the dvm + addend */
	TWIN_R_CALL32 = 3,  /* 4 bytes = entry of import [index] in the hv - (field address + 4) */
	TWIN_R_STACK64 = 4, /* 8 bytes = stack distance (the fs base); index and addend are 0 */
};

struct twin_reloc {
	uint32_t where;
	uint32_t type; /* enum twin_reloc_type */
	uint32_t index;
	int32_t addend;
};

/*
 * Imports: what the text calls or reads outside itself and outside the module's own sections.
 * The hv binds a function to a native of that name, else to an upcall stub made from the
 * prototype; a data import to its address in the dvm.
 */
enum twin_import_kind {
	TWIN_IMPORT_FUNCTION = 1, /* kernel function */
	TWIN_IMPORT_DATA = 2,     /* kernel variable; only target of TWIN_R_DATA32 */
	TWIN_IMPORT_THUNK = 3,    /* indirect call through register `reg` (x86 number, 0 = rax) */
	TWIN_IMPORT_MODULE = 4,   /* function of the module that is not derived but upcalled: dva =
				     address of sections[section] + module_offset. It is also the
				     list of legal indirect upcalls into the module (rule R5). */
	TWIN_IMPORT_MISS = 5, /* slow path of lookups through register `reg`: the hv's own code */
};

#define TWIN_IMPORT_NORETURN (1u << 0) /* must not return to the twin */
#define TWIN_IMPORT_VARARGS  (1u << 1)
#define TWIN_IMPORT_PROTO    (1u << 2) /* nargs, ret and args are known from BTF */
#define TWIN_IMPORT_LOCKED   (1u << 3) /* a call may be reached while a dvm lock is held */
#define TWIN_IMPORT_NATIVE   (1u << 4) /* the description calls it a native (for reports) */
#define TWIN_IMPORT_TAIL     (1u << 5) /* some call is a tail call: jmp, no frame of the caller */

/* An argument or a return value: its kind in bits 0..3, its size in bytes in bits 4..7. */
#define TWIN_ARG_NONE     0x0 /* void */
#define TWIN_ARG_UNSIGNED 0x1 /* also bool, enum, char */
#define TWIN_ARG_SIGNED   0x2
#define TWIN_ARG_POINTER  0x3
#define TWIN_ARG_KIND(a)  ((a)&15)
#define TWIN_ARG_BYTES(a) ((a) >> 4)
#define TWIN_ARGS_MAX     12 /* more, or an aggregate by value: TWIN_IMPORT_PROTO stays clear */

struct twin_import {
	uint32_t name;
	uint8_t kind;   /* enum twin_import_kind */
	uint8_t flags;  /* TWIN_IMPORT_ */
	uint8_t reg;    /* THUNK and MISS only */
	uint8_t nargs;  /* fixed arguments, those on the stack included (the first 6 are not) */
	uint8_t nstack; /* 8-byte words to copy from rsp+8 upward at the import's entry: exact for
			   a fixed prototype, for varargs the most that any call site passes */
	uint8_t ret;    /* TWIN_ARG_ */
	uint8_t args[TWIN_ARGS_MAX];
	uint16_t calls;         /* call sites in the text */
	uint32_t section;       /* MODULE only, else TWIN_NONE */
	uint32_t module_offset; /* MODULE only, else 0 */
};

struct twin_section {
	uint32_t name; /* as under /sys/module/NAME/sections */
	uint32_t size; /* bytes in the .ko; addends lie within 64 KiB of it */
};

#define TWIN_FUNCTION_COLD (1u << 0) /* cold part: entered only from its parent by jumps */

struct twin_function {
	uint32_t name;
	uint32_t parent; /* function of which this is the cold part; else its own index */
	uint32_t section;
	uint32_t module_offset;
	uint32_t module_size;
	uint32_t twin_offset; /* entry; a multiple of 16 unless cold */
	uint32_t twin_size;
	uint32_t frame;  /* deepest rsp below its value at the entry, in bytes, calls' own return
			    addresses and guards' pushes included */
	uint32_t second; /* 1: has objects on the second stack */
	uint32_t flags;  /* TWIN_FUNCTION_ */
};

/* What the hv calls. Argument lists are those of the module's own functions. */
enum twin_role {
	TWIN_ROLE_INTR = 1, /* irqreturn_t (int irq, void *dev_id): registered interrupt handler */
	TWIN_ROLE_POLL = 2, /* int (struct napi_struct *, int budget) */
	TWIN_ROLE_XMIT =
		3, /* netdev_tx_t (struct sk_buff *, struct net_device *), under _xmit_lock */
};

struct twin_entry {
	uint32_t role;        /* enum twin_role */
	uint32_t function;    /* index */
	uint32_t stack_bytes; /* bound on stack below the entry's rsp, over direct calls and over
				 indirect calls of each target once; natives' own use is on top */
	uint32_t reserved;    /* 0 */
};

/*
 * Legal targets of indirect calls: address-taken functions of the set, entries excepted. The
 * pointer's value in the dvm is the address of sections[section] + module_offset.
 */
struct twin_target {
	uint32_t section;
	uint32_t module_offset;
	uint32_t twin_offset; /* = functions[function].twin_offset */
	uint32_t function;
};

/*
 * The gs block: the twin's substitute for the kernel's per-CPU data, one per invocation slot,
 * owned by the hv. gs:[gs_offset + k] stands for per-CPU variable `name` + addend + k, k < bytes,
 * or for a variable of the kernel that the hv keeps for the twin: jiffies, only read.
 * The stack canary has the kernel's own place (fixed_percpu_data + 0x28 at gs:0x28).
 */
#define TWIN_GS_BLOCK_BYTES 4096
#define TWIN_GS_CANARY      0x28

struct twin_gs {
	uint32_t name;
	uint32_t addend;
	uint32_t gs_offset;
	uint32_t bytes;
};

/*
 * Static keys are frozen in the state that the .ko has. The twin is right only while
 * static_key_enabled(key) == enabled; the loader checks keys of the kernel at each attach.
 */
struct twin_key {
	uint32_t import;  /* data import that is the key, or TWIN_NONE: */
	uint32_t section; /* the key is the module's own, in this section; else TWIN_NONE */
	uint32_t offset;  /* of the key in that section, or from the import's address */
	uint32_t enabled; /* 0 or 1 */
	uint32_t site_section;
	uint32_t site_offset; /* module offset of the branch site */
};

enum twin_trap_kind {
	TWIN_TRAP_WARN = 1, /* ud2 of WARN: count it, go on at twin_offset + 2 */
};

struct twin_trap {
	uint32_t twin_offset;
	uint32_t kind; /* enum twin_trap_kind */
};

/* Why an instruction is there. BY_MODULE uses only COPIED, CHANGED, DROPPED and CANARY. */
enum twin_map_kind {
	TWIN_MAP_COPIED = 1,  /* same bytes, but for relocated fields and branch distances */
	TWIN_MAP_CHANGED = 2, /* same work, another encoding: rip-relative, fs, gs, return ... */
	TWIN_MAP_GUARD = 3,   /* added: guard or lookup, with the lea that computes its address */
	TWIN_MAP_STACK = 4,   /* added: address of a stack object */
	TWIN_MAP_SPILL = 5,   /* added: register or flags saved around a guard */
	TWIN_MAP_TRAP = 6,    /* added: ud2 behind a call that does not return */
	TWIN_MAP_DROPPED = 7, /* nop, __fentry__: twin_offset is that of what follows */
	TWIN_MAP_CANARY = 8,  /* of a stack canary, dropped: what follows runs as often */
};

/*
 * One pair of addresses. In BY_TWIN the module offset of an added instruction is that of the
 * instruction it was added for. In BY_MODULE twin_offset is the first instruction, added ones
 * included, that belongs to the module instruction.
 */
struct twin_map {
	uint32_t twin_offset;
	uint32_t module_offset;
	uint16_t section;
	uint8_t kind;   /* enum twin_map_kind */
	uint8_t length; /* of the derived (BY_TWIN) or the module's (BY_MODULE) instruction */
};

_Static_assert(sizeof(struct twin_table) == 8, "file format");
_Static_assert(sizeof(struct twin_header) == 192 + 8 * TWIN_TABLE_COUNT, "file format");
_Static_assert(offsetof(struct twin_header, crc32) == 20, "file format");
_Static_assert(offsetof(struct twin_header, table) == 192, "file format");
_Static_assert(sizeof(struct twin_reloc) == 16, "file format");
_Static_assert(sizeof(struct twin_import) == 32, "file format");
_Static_assert(sizeof(struct twin_section) == 8, "file format");
_Static_assert(sizeof(struct twin_function) == 40, "file format");
_Static_assert(sizeof(struct twin_entry) == 16, "file format");
_Static_assert(sizeof(struct twin_target) == 16, "file format");
_Static_assert(sizeof(struct twin_gs) == 16, "file format");
_Static_assert(sizeof(struct twin_key) == 24, "file format");
_Static_assert(sizeof(struct twin_trap) == 8, "file format");
_Static_assert(sizeof(struct twin_map) == 12, "file format");

/*
 * CRC-32 (IEEE 802.3, reflected, the one of zlib and gzip) of n bytes. Start with crc = 0 and
 * feed the pieces in order. It finds damage; it is no protection against intent.
 */
static inline uint32_t twin_crc32(uint32_t crc, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	crc = ~crc;
	while (n--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0xedb88320u & -(crc & 1));
	}
	return ~crc;
}

#endif
