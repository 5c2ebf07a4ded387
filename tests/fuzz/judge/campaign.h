/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The campaign against loader and judge (R7): what its parts share. One image at a time: mutate.c
 * changes a copy of a real .twin file, the hypervisor's own loader (hv/twin/load.c, with loader.c
 * below it) refuses or places it, and what was placed runs in machine.c, an emulator that watches
 * each access and each jump. Everything depends on the image's number alone, so each can be run
 * again by itself.
 */
#ifndef FUZZ_JUDGE_H
#define FUZZ_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/layout_abi.h"
#include "drivers/verify/decode.h"
#include "twin/gate.h"
#include "twin/load.h"

/* Where things lie. As in the hv, rel32 reaches natives, stubs and thunks from TWIN_BASE. */
#define TEXT_BYTES   0x40000
#define NATIVES      (TWIN_BASE + 0x1000000)
#define NATIVE_BYTES 64
#define UPCALLS      (NATIVES + 0x10000)
#define UPCALL_BYTES 16
#define THUNKS       (NATIVES + 0x20000)
#define RETURN_TO    (NATIVES + 0x30000) /* where an entry returns to */
#define JUST_RETURN  (NATIVES + 0x31000) /* a lone ret: a native behind a thunk */
#define OUTSIDE_SIZE 0x40000
#define THUNK_WORD   (NATIVES + 0x40000) /* where the thunk's jump reads its target */
#define GS           (HV_BASE + 0x400000)
#define STACK        (STACK_BASE + 0x10000)
#define DISTANCE     (0xffff888005b50000ull - STACK)
#define HEAP         0xffff888000000000ull
#define HEAP_BYTES   0x40000
#define SECTIONS     0xffffffffc0000000ull
#define SECTION_GAP  0x100000
#define IMPORTS      0xffffffff82000000ull

/* X(name): the kinds of mutation, in turn. */
#define MUTATIONS(X) \
	X(flip)      \
	X(drop) X(move) X(change) X(swap) X(jump) X(stretch) X(splice) X(reloc) X(table) X(meta)

enum mutation {
#define MUTATION_ENUM(name) MUTATION_##name,
	MUTATIONS(MUTATION_ENUM)
#undef MUTATION_ENUM
		NR_MUTATIONS
};

/* How an invocation ended. */
enum end { END_RETURNED, END_FAULT, END_TRAP, END_TIME, END_KILLED, NR_ENDS };

/* A sound .twin file and what the mutations need to know of its text. */
struct subject {
	uint8_t *file;
	uint32_t size;
	bool strict; /* judged so */
	uint32_t text, text_size;
	uint32_t *insn; /* text offsets of its instructions */
	uint32_t insns;
};

/* What became of the image that twin_place() saw last. */
extern struct verdict {
	char refused[64];    /* rule's name, or "loader"; "" when accepted */
	const uint8_t *text; /* final bytes */
	uint32_t size;
	uint32_t entries[64], nr_entries;
} verdict;

/* Random numbers of the current image. */
uint64_t rnd(void);
uint32_t below(uint32_t n);

/* mutate.c: changes img, a copy of s->file with room for s->size bytes, and seals it again. */
void mutate(const struct subject *s, uint8_t *img, enum mutation kind);
void seal(uint8_t *img, uint32_t size);
void mutate_tables(const struct subject *s, uint8_t *img, enum mutation kind);

/* loader.c: true if loader and judge take the image. `disabled`: rules of the judge left out. */
bool loader_run(const uint8_t *img, uint32_t size, bool strict, uint64_t disabled);

/* What lies at an address outside of the text: does a call of it come back? */
enum outside { OUTSIDE_NOTHING, OUTSIDE_RETURNS, OUTSIDE_KILLS, OUTSIDE_THUNK };
enum outside loader_at(uint64_t addr);

/* machine.c: runs the placed image n times; the reason of an escape, or NULL. */
bool machine_open(void);
const char *machine_run(unsigned int n, uint64_t ends[NR_ENDS], uint64_t *address);

#endif
