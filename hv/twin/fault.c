/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monitor command `fault KIND`: breaks the attached twin on purpose. The first bytes of its poll
 * function (`late`: those behind the hand-over of a received frame) are replaced by code that does
 * the thing; the next packet runs it. Tests see that each kind kills the twin and nothing else.
 * `fault at` does it at one chosen instruction without a change of the code (step.h), `fault code`
 * changes one byte anywhere in it. `fault hv` and `fault hv-df` break the hypervisor itself, at
 * once, to see what a bug of ours leaves behind.
 */
#include "cpu/trap.h"
#include "debug/log.h"
#include "debug/monitor.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mem/layout.h"
#include "twin/attach.h"
#include "twin/gate.h"
#include "twin/load.h"
#include "twin/native.h"
#include "twin/step.h"

#define CODE_MAX 32
#define UNMAPPED 0xffffdead00000000UL /* in the upper half; the dvm's tables have nothing there */

struct code {
	uint8_t byte[CODE_MAX];
	unsigned int len;
};

static void add(struct code *c, const void *bytes, unsigned int n)
{
	memcpy(c->byte + c->len, bytes, n);
	c->len += n;
}

/* movabs $val, %rax (or another register by its opcode) */
static void add_mov(struct code *c, uint8_t opcode, uint64_t val)
{
	add(c, (const uint8_t[]){ 0x48, opcode }, 2);
	add(c, &val, 8);
}

#define MOV_RAX 0xb8
#define MOV_RSI 0xbe
#define MOV_RDI 0xbf
#define MOV_RSP 0xbc

#define OPCODE_CALL 0xe8
#define OPCODE_JMP  0xe9

static void add_branch(struct code *c, uint8_t opcode, uint64_t at, uint64_t to)
{
	int32_t distance = to - (at + c->len + 5);

	add(c, &opcode, 1);
	add(c, &distance, 4);
}

static void store_to(struct code *c, uint64_t addr)
{
	add_mov(c, MOV_RAX, addr);
	add(c, (const uint8_t[]){ 0x88, 0x00 }, 2); /* mov %al, (%rax) */
}

/* What no judged code can do, but a broken machine. */
static int make_astray(struct code *c, const char *kind, uint64_t at)
{
	if (strcmp(kind, "jump") == 0) {
		add_mov(c, MOV_RAX, UNMAPPED);
		add(c, (const uint8_t[]){ 0xff, 0xe0 }, 2); /* jmp *%rax */
	} else if (strcmp(kind, "stack") == 0) {
		add_mov(c, MOV_RSP, 0x200000);
		add_branch(c, OPCODE_JMP, at, (uint64_t)native_find("skb_put")->fn);
	} else if (strcmp(kind, "return") == 0) {
		/* push (%rsp); ret: eight bytes too deep */
		add(c, (const uint8_t[]){ 0xff, 0x34, 0x24, 0xc3 }, 4);
	} else {
		return -EINVAL;
	}
	return 0;
}

static int make(struct code *c, const char *kind, uint64_t at)
{
	if (strcmp(kind, "lower") == 0) {
		store_to(c, 0x200000);
	} else if (strcmp(kind, "wild") == 0) {
		store_to(c, UNMAPPED);
	} else if (strcmp(kind, "noncanonical") == 0) {
		store_to(c, 0x1234567812345678);
	} else if (strcmp(kind, "ud") == 0) {
		add(c, (const uint8_t[]){ 0x0f, 0x0b }, 2);
	} else if (strcmp(kind, "de") == 0) {
		add(c, (const uint8_t[]){ 0x31, 0xc9, 0xf7, 0xf1 },
		    4); /* xor %ecx,%ecx; div %ecx */
	} else if (strcmp(kind, "loop") == 0) {
		add(c, (const uint8_t[]){ 0xeb, 0xfe }, 2);
	} else if (strcmp(kind, "indirect") == 0) {
		add_mov(c, MOV_RAX, twin_att.netdev);
		add_branch(c, OPCODE_CALL, at, twin_gate_thunk(0));
	} else if (strcmp(kind, "native") == 0) {
		add_mov(c, MOV_RDI, 0x1234);
		add_mov(c, MOV_RSI, 0x100);
		add_branch(c, OPCODE_CALL, at, (uint64_t)native_find("skb_put")->fn);
	} else if (strcmp(kind, "fixup") == 0) {
		add_mov(c, MOV_RDI, UNMAPPED);
		add_branch(c, OPCODE_CALL, at, (uint64_t)native_find("dql_completed")->fn);
	} else {
		return make_astray(c, kind, at);
	}
	return 0;
}

/* Behind the first frame's hand-over: buffers have changed hands in the invocation that dies. */
static int poke_late(void)
{
	static const uint8_t ud2[] = { 0x0f, 0x0b };
	uint64_t at;
	int rc = -ENOENT;

	for (uint32_t i = 0; (at = twin_call_site("napi_gro_receive", i)); i++)
		rc = twin_poke(at, ud2, sizeof(ud2));
	return rc;
}

#define NOWHERE 0x123456000UL /* in R2's zone: nothing is mapped there, and no twin is at work */

static int fault_hv(void)
{
	log_warn("the monitor asked for a fault of the hypervisor");
	asm volatile("movq %%rax, (%0)" ::"r"(NOWHERE), "a"(0x600dUL));
	return 0;
}

/* Neither the interrupted stack nor that of page faults is of any use: #DF must have its own. */
static int fault_hv_df(void)
{
	log_warn("the monitor asked for a double fault of the hypervisor");
	trap_lose_stack();
	asm volatile("movq %0, %%rsp\n\tpushq %%rax" ::"r"(NOWHERE), "a"(0x600dUL));
	__builtin_unreachable();
}

/* `fault code OFFSET FLIP`: one byte, for whoever comes there, until it is noticed (scrub.h). */
static int flip_byte(int argc, char **argv)
{
	const char *offset_text = argc == 4 ? argv[2] : "", *flip_text = argc == 4 ? argv[3] : "";
	uint64_t offset, flip;

	if (parse_u64(&offset_text, &offset) || *offset_text || parse_u64(&flip_text, &flip) ||
	    *flip_text || !twin_has(TWIN_BASE + offset)) {
		mon("usage: fault code OFFSET FLIP");
		return -EINVAL;
	}
	return twin_flip(TWIN_BASE + offset, flip);
}

static int monitor_fault(int argc, char **argv)
{
	struct code c = { .len = 0 };
	uint64_t at;

	if (argc == 2 && strcmp(argv[1], "hv") == 0)
		return fault_hv();
	if (argc == 2 && strcmp(argv[1], "hv-df") == 0)
		return fault_hv_df();
	if (argc == 3 && strcmp(argv[1], "at") == 0 && strcmp(argv[2], "off") == 0)
		return step_command(argc, argv); /* the twin may have died a moment ago */
	if (attach_state() != TWIN_ATTACHED) {
		mon("the twin is not attached");
		return -ENODEV;
	}
	if (argc >= 2 && strcmp(argv[1], "at") == 0)
		return step_command(argc, argv);
	if (argc >= 2 && strcmp(argv[1], "code") == 0)
		return flip_byte(argc, argv);
	at = twin_entry_address(TWIN_ROLE_POLL);
	if (argc == 2 && strcmp(argv[1], "late") == 0)
		return poke_late();
	if (argc != 2 || make(&c, argv[1], at)) {
		mon("usage: fault lower|wild|noncanonical|ud|de|loop|indirect|native|fixup|late|"
		    "jump|stack|return, fault at|code ..., fault hv|hv-df");
		return -EINVAL;
	}
	return twin_poke(at, c.byte, c.len);
}
MONITOR("fault", "fault KIND: breaks the twin (hv, hv-df: the hypervisor) on purpose, for tests",
	monitor_fault);
