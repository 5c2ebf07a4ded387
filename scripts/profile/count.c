/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plugin of QEMU's TCG (API of QEMU 7.2) that counts executed instructions by virtual address.
 *
 *	-plugin FILE,out=PREFIX,range=START-END[,range=START-END ...]	(hexadecimal, END exclusive)
 *
 * Each time the machine executes the marker, an instruction that does nothing (`nopl` with
 * MARKER as displacement), inside one of the ranges, all counts so far go to PREFIX.0, PREFIX.1
 * and so on: one line `ADDRESS COUNT` for each instruction that ran, in hexadecimal and decimal,
 * in no order. The file is complete before the next instruction runs, so whoever had the marker
 * executed can read it at once.
 *
 * What is counted: an instruction when its execution begins. One that faults and is restarted
 * counts each time. A repeated string instruction counts once: its further iterations run as
 * blocks that begin with it, and those are left out (facts of TCG's translator, gen_repz()).
 * A jump straight to a repeated instruction is therefore missed.
 *
 * One virtual CPU only: the counters are plain memory and only its thread changes them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "qemu-plugin.h"

#include "insn.h"

#define RANGES_MAX 8
#define PAGE_SHIFT 12
#define PAGE_SIZE  (1u << PAGE_SHIFT)
#define HASH_BITS  12
#define MARKER     0x504f4c58 /* hv/debug/mark.c */

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

/* Counters of one page of code, one for each byte at which an instruction may begin. */
struct page {
	struct page *next;
	uint64_t number; /* address >> PAGE_SHIFT */
	uint64_t count[PAGE_SIZE];
};

static struct page *pages[1u << HASH_BITS];
static struct {
	uint64_t start, end;
} range[RANGES_MAX];
static unsigned int ranges, dumps;
static const char *prefix;

/* Counting wrongly in silence is worse than no machine. */
static void die(const char *what)
{
	fprintf(stderr, "count: %s\n", what);
	exit(1);
}

static bool in_range(uint64_t address)
{
	for (unsigned int i = 0; i < ranges; i++)
		if (address >= range[i].start && address < range[i].end)
			return true;
	return false;
}

static uint64_t *counter(uint64_t address)
{
	uint64_t number = address >> PAGE_SHIFT;
	struct page **head = &pages[number & ((1u << HASH_BITS) - 1)];
	struct page *p;

	for (p = *head; p; p = p->next)
		if (p->number == number)
			return &p->count[address % PAGE_SIZE];
	p = calloc(1, sizeof(*p)); /* never freed: translated code holds its address */
	if (!p)
		die("no memory");
	p->number = number;
	p->next = *head;
	*head = p;
	return &p->count[address % PAGE_SIZE];
}

static void write_page(FILE *f, const struct page *p)
{
	for (unsigned int i = 0; i < PAGE_SIZE; i++)
		if (p->count[i])
			fprintf(f, "%" PRIx64 " %" PRIu64 "\n", (p->number << PAGE_SHIFT) + i,
				p->count[i]);
}

static void on_marker(unsigned int vcpu, void *arg)
{
	char name[4096];
	FILE *f;

	(void)vcpu;
	(void)arg;
	snprintf(name, sizeof(name), "%s.%u", prefix, dumps++);
	f = fopen(name, "w");
	if (!f)
		die("the counts cannot be written");
	for (unsigned int h = 0; h < 1u << HASH_BITS; h++)
		for (const struct page *p = pages[h]; p; p = p->next)
			write_page(f, p);
	if (fclose(f))
		die("the counts cannot be written");
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t address = qemu_plugin_insn_vaddr(insn);
		const uint8_t *code = qemu_plugin_insn_data(insn);
		size_t size = qemu_plugin_insn_size(insn);
		uint32_t value;

		if (!in_range(address) || (i == 0 && insn_is_repeated(code, size)))
			continue;
		qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
							   counter(address), 1);
		if (insn_is_nopl(code, size, &value) && value == MARKER)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_marker,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

static bool add_range(const char *text)
{
	char *end;

	if (ranges == RANGES_MAX)
		return false;
	range[ranges].start = strtoull(text, &end, 16);
	if (*end != '-')
		return false;
	range[ranges].end = strtoull(end + 1, &end, 16);
	return !*end && range[ranges].start < range[ranges].end && ++ranges;
}

/* Returns non-zero, and QEMU does not start, when an argument is wrong or missing. */
QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
					   char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "out=", 4) == 0) {
			prefix = strdup(argv[i] + 4);
		} else if (strncmp(argv[i], "range=", 6) || !add_range(argv[i] + 6)) {
			fprintf(stderr, "count: bad argument %s\n", argv[i]);
			return -1;
		}
	}
	if (!prefix || !ranges || !info->system_emulation || info->system.smp_vcpus != 1) {
		fprintf(stderr, "count: out=PREFIX, a range and one virtual CPU are needed\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
