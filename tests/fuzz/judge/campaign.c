/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mutated images against loader and judge; what they accept runs in an emulator. See campaign.h.
 *
 *   campaign [-f FIRST] [-n IMAGES] [-i INVOCATIONS] [-d RULE]... [-a RULE] [-u] NORMAL STRICT
 *
 * Images FIRST .. FIRST + IMAGES - 1: even numbers are mutants of the first file under the normal
 * judge, odd ones of the second under the strict judge; kinds take turns. Prints one JSON object.
 * Exit status: 0 no escape, 1 an escape (its image's number is printed), 2 usage. With -d a rule of
 * the judge is left out: then an escape must be found, or the campaign proves nothing. With -a
 * all images are aimed at a rule. With -u the files are taken as they are, without mutations.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign.h"

#define MAX_REASONS 40

static const char *const kind_name[] = {
#define MUTATION_NAME(name) #name,
	MUTATIONS(MUTATION_NAME)
#undef MUTATION_NAME
};
static const char *const end_name[NR_ENDS] = { "returned", "fault", "trap", "time", "killed" };

static struct {
	uint64_t images[NR_MUTATIONS], accepted[NR_MUTATIONS], ends[NR_ENDS], escapes;
	struct {
		char why[64];
		uint64_t n;
	} refused[MAX_REASONS];
} tally;

/* The maps of addresses are most of a file and serve messages alone: they are cut off. */
static void cut_maps(struct subject *s)
{
	struct twin_header *h = (void *)(s->file + TWIN_HEADER_OFFSET);

	for (int id = TWIN_TABLE_BY_TWIN; id <= TWIN_TABLE_BY_MODULE; id++)
		h->table[id] = (struct twin_table){ 0 };
	s->size = 0;
	for (int id = 0; id < TWIN_TABLE_COUNT; id++) {
		uint32_t end = h->table[id].offset + 40 * h->table[id].count;

		if (id == TWIN_TABLE_TEXT || id == TWIN_TABLE_STRINGS)
			end = h->table[id].offset + h->table[id].count;
		s->size = end > s->size ? end : s->size;
	}
	s->size = s->size < h->file_size ? s->size : h->file_size;
	h->file_size = s->size;
	seal(s->file, s->size);
}

static bool subject_open(struct subject *s, const char *path, bool strict)
{
	FILE *f = fopen(path, "rb");
	const struct twin_header *h;
	struct insn i;
	const char *why;

	s->strict = strict;
	s->file = calloc(1, 1 << 20);
	s->size = f ? (uint32_t)fread(s->file, 1, 1 << 20, f) : 0;
	if (f)
		fclose(f);
	if (!loader_run(s->file, s->size, strict, 0))
		return false;
	h = (const void *)(s->file + TWIN_HEADER_OFFSET);
	s->text = h->table[TWIN_TABLE_TEXT].offset;
	s->text_size = h->table[TWIN_TABLE_TEXT].count;
	s->insn = calloc(s->text_size + 1, sizeof(*s->insn));
	for (uint32_t at = 0; at < s->text_size; at += i.len) {
		insn_decode(s->file + s->text + at, s->text_size - at, ~0ull, &i, &why);
		s->insn[s->insns++] = at;
	}
	cut_maps(s);
	return loader_run(s->file, s->size, strict, 0);
}

static void note_refusal(void)
{
	for (unsigned int k = 0; k < MAX_REASONS; k++) {
		if (tally.refused[k].n && strcmp(tally.refused[k].why, verdict.refused))
			continue;
		strcpy(tally.refused[k].why, verdict.refused);
		tally.refused[k].n++;
		return;
	}
}

static void run_image(const struct subject *subjects, uint64_t number, unsigned int invocations,
		      uint64_t disabled, bool unchanged)
{
	static _Alignas(16) uint8_t img[1 << 20];
	const struct subject *s = &subjects[number % 2];
	enum mutation kind = s->rule ? MUTATION_aim : number / 2 % NR_MUTATIONS;
	struct machine_image placed;
	uint64_t address;
	const char *escape;

	random_seed(number);
	if (unchanged)
		memcpy(img, s->file, s->size);
	else
		mutate(s, img, kind);
	tally.images[kind]++;
	if (!loader_run(img, s->size, s->strict, disabled)) {
		note_refusal();
		return;
	}
	tally.accepted[kind]++;
	placed = (struct machine_image){ .text = verdict.text,
					 .size = verdict.size,
					 .entries = verdict.entries,
					 .nr_entries = verdict.nr_entries,
					 .outside = loader_at,
					 .resumes = twin_is_warn };
	escape = machine_run(&placed, invocations, tally.ends, &address);
	if (escape) {
		tally.escapes++;
		fprintf(stderr, "campaign: image %llu (%s, %s): %s 0x%llx\n",
			(unsigned long long)number, kind_name[kind],
			s->strict ? "strict" : "normal", escape, (unsigned long long)address);
	}
}

static void print_list(const char *name, const char *const *names, const uint64_t *n,
		       unsigned int of)
{
	printf("\"%s\": {", name);
	for (unsigned int k = 0; k < of; k++)
		printf("%s\"%s\": %llu", k ? ", " : "", names[k], (unsigned long long)n[k]);
	printf("}, ");
}

static void print_tally(void)
{
	uint64_t all = 0;

	putchar('{');
	print_list("images", kind_name, tally.images, NR_MUTATIONS);
	print_list("accepted", kind_name, tally.accepted, NR_MUTATIONS);
	print_list("ends", end_name, tally.ends, NR_ENDS);
	printf("\"refused\": {");
	for (unsigned int k = 0; k < MAX_REASONS && tally.refused[k].n; k++)
		printf("%s\"%s\": %llu", k ? ", " : "", tally.refused[k].why,
		       (unsigned long long)tally.refused[k].n);
	for (unsigned int k = 0; k < NR_ENDS; k++)
		all += tally.ends[k];
	printf("}, \"invocations\": %llu, \"escapes\": %llu}\n", (unsigned long long)all,
	       (unsigned long long)tally.escapes);
}

static enum verify_rule rule_by_name(const char *name)
{
	for (int k = 1; k < VERIFY_NR_RULES; k++)
		if (!strcmp(verify_rules[k].name, name))
			return k;
	fprintf(stderr, "campaign: no rule %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	static struct subject subjects[2];
	uint64_t first = 0, images = 1000, disabled = 0;
	unsigned int invocations = 100;
	bool unchanged = false;
	int c;

	while ((c = getopt(argc, argv, "f:n:i:d:a:u")) >= 0) {
		if (c == 'f')
			first = strtoull(optarg, NULL, 0);
		else if (c == 'n')
			images = strtoull(optarg, NULL, 0);
		else if (c == 'i')
			invocations = (unsigned int)strtoul(optarg, NULL, 0);
		else if (c == 'd')
			disabled |= VERIFY_BIT(rule_by_name(optarg));
		else if (c == 'a')
			subjects[0].rule = subjects[1].rule = rule_by_name(optarg);
		else if (c == 'u')
			unchanged = true;
		else
			return 2;
	}
	if (optind + 2 != argc)
		return 2;
	for (int k = 0; k < 2; k++) {
		if (subject_open(&subjects[k], argv[optind + k], k == 1))
			continue;
		fprintf(stderr, "campaign: %s is refused\n", argv[optind + k]);
		return 2;
	}
	if (!machine_open()) {
		fprintf(stderr, "campaign: the emulator does not start\n");
		return 2;
	}
	for (uint64_t k = 0; k < images && !(disabled && tally.escapes); k++)
		run_image(subjects, first + k, invocations, disabled, unchanged);
	print_tally();
	return tally.escapes ? 1 : 0;
}
