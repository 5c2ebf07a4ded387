/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loader and judge (hv/twin/load.c, drivers/verify) on whole .twin files, with what lies below the
 * loader in the judge's campaign (fuzz/judge). What they accept runs in the emulator of
 * fuzz/machine.h, and an escape is a finding. The input is a byte that chooses the judge's level,
 * then the file; its size and CRC are put right unless that byte says not to.
 */
#include "guided.h"
#include "tests/fuzz/judge/campaign.h"

#define INVOCATIONS 6

enum { STRICT = 1, AS_IT_IS = 2 };

static void make_sound(uint8_t *file, uint32_t size)
{
	struct twin_header *h = (void *)(file + TWIN_HEADER_OFFSET);

	memcpy(h->magic, TWIN_MAGIC, 8);
	h->file_size = size;
	h->crc32 = 0;
	h->crc32 = twin_crc32(0, file, size);
}

/* What the hypervisor asks of a placed image. */
static void ask(void)
{
	static const uint64_t section[256];
	const struct twin_import *imp = twin_table(TWIN_TABLE_IMPORTS);
	char text[64];

	for (int role = 0; role <= TWIN_ROLE_XMIT + 1; role++) {
		uint64_t at = twin_entry_address(role);

		CHECK(!at || twin_has(at));
		twin_entry_module(role, section);
	}
	for (unsigned int k = 0; k < 64; k++) {
		uint64_t at = TWIN_BASE + below(2 * verdict.size);

		CHECK(strlen(twin_symbol(at, text, sizeof(text))) < sizeof(text));
		CHECK(!twin_is_warn(at) || twin_has(at));
	}
	for (uint32_t k = 0; k < twin_count(TWIN_TABLE_IMPORTS) && k < 8; k++)
		twin_call_site(twin_string(imp[k].name), 0);
	CHECK(twin_poke(TWIN_BASE + verdict.size - 1, (const uint8_t *)"\xcc\xcc", 2));
	CHECK(twin_poke(TWIN_BASE - 1, (const uint8_t *)"\xcc", 1));
}

static void run(uint8_t *file, uint32_t size, unsigned int choice)
{
	uint64_t ends[NR_ENDS] = { 0 }, address = 0;
	struct machine_image placed;
	const char *escape;

	if (size >= TWIN_HEADER_OFFSET + sizeof(struct twin_header) && !(choice & AS_IT_IS))
		make_sound(file, size);
	if (!loader_run(file, size, choice & STRICT, 0))
		return;
	placed = (struct machine_image){
		verdict.text, verdict.size, verdict.entries, verdict.nr_entries, loader_at,
		twin_is_warn, NULL
	};
	escape = machine_run(&placed, INVOCATIONS, ends, &address);
	if (escape)
		fprintf(stderr, "twin: %s 0x%llx\n", escape, (unsigned long long)address);
	CHECK(!escape);
	ask();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool open;
	uint8_t *file;

	if (!open)
		open = machine_open();
	CHECK(open);
	if (!size)
		return 0;
	random_seed(in_hash(data, size));
	file = malloc(size - 1);
	memcpy(file, data + 1, size - 1);
	run(file, size - 1, data[0]);
	twin_unplace();
	twin_image.head = NULL;
	free(file);
	return 0;
}
