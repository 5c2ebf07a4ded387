/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plugin of QEMU's TCG (API of QEMU 7.2) that counts all instructions that the machine executes,
 * whatever runs on it: hypervisors, kernels, programs.
 *
 *	-plugin FILE,out=PREFIX[,only=NNNN]
 *
 * Marks are instructions that do nothing: `nopl 0x504fNNNN(%rax)`, NNNN = 0000 to 0003 from the
 * load generator (scripts/bench/load), 4c58 from the hypervisor's monitor (`mark`). At each of them
 * all counts so far go to PREFIX.SEQ.NNNN (SEQ from 0, decimal), complete before the next
 * instruction runs; with only=, at marks of that number alone:
 *
 *	# vmruns V hlts H
 *	GUEST ADDRESS PAGE REP COUNT		one line for each block of code that ran
 *
 * GUEST: 1 behind a VMRUN, else 0. ADDRESS: virtual, of the block's first instruction. PAGE: where
 * the code lies in the host's memory, >> 12; a VM's pages follow each other as its RAM does. REP: 1
 * for the iterations of a repeated string instruction behind its first, which run as blocks of
 * their own (facts of TCG's translator, gen_repz()); the first counts as an instruction. ADDRESS
 * and PAGE are hexadecimal. HLT executes nothing, so idle is left out.
 *
 * Each instruction counts when its execution begins, in a counter of its block: blocks that a
 * fault cuts off are counted right. A block is translated for its world: QEMU keeps code behind a
 * VMRUN apart, so the world at translation is the world of each execution.
 *
 * One virtual CPU only: the counters are plain memory and only its thread changes them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "qemu-plugin.h"

#include "insn.h"

#define HASH_BITS 18
#define RETURNS   16         /* places behind a VMRUN */
#define MARKS     0x504f0000 /* upper half of each mark */

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

struct block {
	struct block *next;
	uint64_t address, page, count;
	bool guest, rep;
};

static struct block *blocks[1u << HASH_BITS];
static uint64_t vmruns, hlts;
static bool in_guest;
static uint64_t returns[RETURNS];
static unsigned int dumps, returns_known;
static const char *prefix;
static uint32_t only; /* 0: each mark */

/* Counting wrongly in silence is worse than no machine. */
static void die(const char *what)
{
	fprintf(stderr, "machine: %s\n", what);
	exit(1);
}

static bool is_mark(uint32_t displacement)
{
	return (displacement & 0xffff0000) == MARKS && (!only || (displacement & 0xffff) == only);
}

/* Never freed: translated code holds its address. */
static struct block *find(const struct block *key)
{
	uint64_t hash = (key->address ^ key->page << 7 ^ (uint64_t)key->guest << 1 ^ key->rep) *
			0x9e3779b97f4a7c15;
	struct block **head = &blocks[hash >> (64 - HASH_BITS)], *b;

	for (b = *head; b; b = b->next)
		if (b->address == key->address && b->page == key->page && b->guest == key->guest &&
		    b->rep == key->rep)
			return b;
	b = calloc(1, sizeof(*b));
	if (!b)
		die("no memory");
	*b = *key;
	b->next = *head;
	*head = b;
	return b;
}

static void on_mark(unsigned int vcpu, void *number)
{
	char name[4096];
	FILE *f;

	(void)vcpu;
	snprintf(name, sizeof(name), "%s.%u.%04x", prefix, dumps++,
		 (unsigned int)(uintptr_t)number);
	f = fopen(name, "w");
	if (!f)
		die("the counts cannot be written");
	fprintf(f, "# vmruns %" PRIu64 " hlts %" PRIu64 "\n", vmruns, hlts);
	for (unsigned int h = 0; h < 1u << HASH_BITS; h++)
		for (const struct block *b = blocks[h]; b; b = b->next)
			if (b->count)
				fprintf(f, "%d %" PRIx64 " %" PRIx64 " %d %" PRIu64 "\n", b->guest,
					b->address, b->page, b->rep, b->count);
	if (fclose(f))
		die("the counts cannot be written");
}

static void on_vmrun(unsigned int vcpu, void *arg)
{
	(void)vcpu;
	(void)arg;
	vmruns++;
	in_guest = true;
}

static void on_return(unsigned int vcpu, void *arg)
{
	(void)vcpu;
	(void)arg;
	in_guest = false;
}

static bool is_return(uint64_t address)
{
	for (unsigned int i = 0; i < returns_known; i++)
		if (returns[i] == address)
			return true;
	return false;
}

static void add_return(uint64_t address)
{
	if (is_return(address))
		return;
	if (returns_known == RETURNS)
		die("VMRUN in too many places");
	returns[returns_known++] = address;
}

static void count_insn(struct qemu_plugin_insn *insn, struct block *b)
{
	const uint8_t *code = qemu_plugin_insn_data(insn);
	size_t size = qemu_plugin_insn_size(insn);
	uint32_t mark;

	qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, &b->count, 1);
	if (insn_is_nopl(code, size, &mark) && is_mark(mark)) {
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, QEMU_PLUGIN_CB_NO_REGS,
						       (void *)(uintptr_t)(mark & 0xffff));
	} else if (size == 1 && code[0] == 0xf4) {
		qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, &hlts,
							   1);
	} else if (insn_is_vmrun(code, size)) {
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_vmrun, QEMU_PLUGIN_CB_NO_REGS,
						       NULL);
		add_return(qemu_plugin_insn_vaddr(insn) + size);
	}
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);
	struct qemu_plugin_insn *first = qemu_plugin_tb_get_insn(tb, 0);
	uint64_t address = qemu_plugin_tb_vaddr(tb);
	bool back = is_return(address);
	struct block key = {
		.address = address,
		.page = (uintptr_t)qemu_plugin_insn_haddr(first) >> 12,
		.guest = in_guest && !back,
		.rep = n == 1 &&
		       insn_is_repeated(qemu_plugin_insn_data(first), qemu_plugin_insn_size(first)),
	};
	struct block *b = find(&key);

	(void)id;
	if (back)
		qemu_plugin_register_vcpu_insn_exec_cb(first, on_return, QEMU_PLUGIN_CB_NO_REGS,
						       NULL);
	for (size_t i = 0; i < n; i++)
		count_insn(qemu_plugin_tb_get_insn(tb, i), b);
}

/* Returns non-zero, and QEMU does not start, when an argument is wrong or missing. */
QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
					   char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4)) {
			prefix = strdup(argv[i] + 4);
		} else if (sscanf(argv[i], "only=%4" SCNx32, &only) != 1) {
			fprintf(stderr, "machine: bad argument %s\n", argv[i]);
			return -1;
		}
	}
	if (!prefix || !info->system_emulation || info->system.smp_vcpus != 1) {
		fprintf(stderr, "machine: out=PREFIX and one virtual CPU are needed\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
