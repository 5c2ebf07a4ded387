/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The campaign against loader and judge (R7): what its parts share. One image at a time: mutate.c
 * changes a copy of a real .twin file, the hypervisor's own loader (hv/twin/load.c, with loader.c
 * below it) refuses or places it, and what was placed runs in the machine (tests/fuzz/machine.h),
 * which watches each access and each jump. Everything depends on the image's number alone, so each
 * can be run again by itself.
 */
#ifndef FUZZ_JUDGE_H
#define FUZZ_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/verify/decode.h"
#include "tests/fuzz/machine.h"
#include "tests/fuzz/random.h"
#include "twin/gate.h"
#include "twin/load.h"

/* X(name): the kinds of mutation, in turn. */
#define MUTATIONS(X) \
	X(flip)      \
	X(drop)      \
	X(move) X(change) X(swap) X(jump) X(stretch) X(splice) X(reloc) X(table) X(aim) X(meta)

enum mutation {
#define MUTATION_ENUM(name) MUTATION_##name,
	MUTATIONS(MUTATION_ENUM)
#undef MUTATION_ENUM
		NR_MUTATIONS
};

/* A sound .twin file and what the mutations need to know of its text. */
struct subject {
	uint8_t *file;
	uint32_t size;
	bool strict;           /* judged so */
	enum verify_rule rule; /* that `aim` aims at; VERIFY_OK: at any */
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

/* mutate.c: changes img, a copy of s->file with room for s->size bytes, and seals it again. */
void mutate(const struct subject *s, uint8_t *img, enum mutation kind);
void seal(uint8_t *img, uint32_t size);
void mutate_tables(const struct subject *s, uint8_t *img, enum mutation kind);

/* aim.c: a change aimed at a rule of the judge; VERIFY_OK, or a rule without aim: at any. */
void mutate_aim(const struct subject *s, uint8_t *img, enum verify_rule rule);

/* loader.c: true if loader and judge take the image. `disabled`: rules of the judge left out. */
bool loader_run(const uint8_t *img, uint32_t size, bool strict, uint64_t disabled);

/* loader.c: what lies at an address outside of the text, as the machine wants to know it. */
enum outside loader_at(uint64_t addr, uint32_t *stack_args);

#endif
