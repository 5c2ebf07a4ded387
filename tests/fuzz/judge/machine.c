/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The emulator that accepted images run in. Each access and each jump is watched. An escape is: an
 * access to the lower half outside of the stack, the gs block and the zones that R2 keeps empty; a
 * write to the return address of the invocation; a jump that is not to an instruction of the text
 * or to an address that the loader offers; a stack pointer beyond its limit; a return with another
 * stack pointer or other callee-saved registers than at the entry.
 *
 * The driver VM's memory is three pieces of the upper half, full of pointers into them, small
 * numbers and hostile values. What is not mapped faults: the hypervisor would kill the twin.
 */
#include <Zydis/Zydis.h>
#include <string.h>
#include <unicorn/unicorn.h>

#include "campaign.h"
#include "mem/layout.h"

#define REACH         (1ull << 40)
#define CALLEE_SAVED  0xf028u /* rbx rbp r12-r15 */
#define MAX_BLOCKS    300
#define MAX_ACCESSES  4000
#define MAX_JUNK      24
#define STACK_BYTES   0x10000
#define SECTION_BYTES 0x10000
#define NR_SECTIONS   4
#define IMPORT_BYTES  (4096 * TWIN_GATE_STUBS)

static uc_engine *uc;
static ZydisDecoder zydis;

/* Memory of the machine, shared with the emulator. */
static _Alignas(4096) uint8_t text[TEXT_BYTES], outside[OUTSIDE_SIZE], word[4096], gs[8192];
static _Alignas(4096) uint8_t stack[STACK_BYTES], second[STACK_BYTES], heap[HEAP_BYTES];
static _Alignas(4096) uint8_t section[NR_SECTIONS][SECTION_BYTES], import[IMPORT_BYTES];
static uint64_t values[HEAP_BYTES / 8]; /* what fills the driver VM's memory */
static uint8_t starts[TEXT_BYTES];      /* 1: an instruction begins here */

static struct {
	uint64_t entry_rsp, floor;
	unsigned int blocks, accesses;
	bool gentle, done;
	enum end end;
	const char *escape;
	uint64_t address;
} run;

static uint64_t junk[MAX_JUNK]; /* pages mapped for this image */
static unsigned int nr_junk;

static const int registers[16] = {
	UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX,
	UC_X86_REG_RSP, UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI,
	UC_X86_REG_R8,  UC_X86_REG_R9,  UC_X86_REG_R10, UC_X86_REG_R11,
	UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14, UC_X86_REG_R15,
};

/* Addresses that must not be reached, borders, and what lets code run on. */
static uint64_t hostile_value(bool gentle)
{
	static const uint64_t border[] = {
		0,
		STACK,
		STACK - 64,
		TWIN_BASE,
		GS,
		GS + 4096,
		NATIVES,
		HV_BASE,
		DIRECT_BASE,
		DISTANCE,
		1ull << 47,
		(1ull << 47) - 8,
		REACH,
		REACH - 8,
		~0ull,
		STACK + DISTANCE,
		0xffff800000000000,
		0x0000800000000008,
		SECTIONS,
		RETURN_TO,
	};

	if (gentle && below(64))
		return below(16) ? HEAP + 8 * (uint64_t)below(HEAP_BYTES / 8) : below(100);
	switch (below(5)) {
	case 0:
		return rnd();
	case 1:
		return (rnd() & 0x7fffffffffff) | 0xffff800000000000;
	case 2:
		return below(100);
	default:
		return border[below(sizeof(border) / 8)] + (below(2) ? 0 : 8ull * below(64) - 256);
	}
}

static uint64_t get(int reg)
{
	uint64_t v = 0;

	uc_reg_read(uc, reg, &v);
	return v;
}

static void stop(enum end end)
{
	if (!run.done)
		run.end = end;
	run.done = true;
	uc_emu_stop(uc);
}

static void escape(const char *what, uint64_t address)
{
	if (!run.escape) {
		run.escape = what;
		run.address = address;
	}
	stop(END_KILLED);
}

static bool allowed(uint64_t a, uint64_t end, bool write)
{
	if (a >= GS && end <= GS + TWIN_GS_BLOCK_BYTES)
		return true;
	if (a >= run.floor && end <= run.entry_rsp + (write ? 0 : 8))
		return true;
	if (!write && a == THUNK_WORD && get(UC_X86_REG_RIP) >= THUNKS)
		return true;
	return end <= REACH || a >= (1ull << 47) - REACH;
}

static void on_access(uc_engine *u, uc_mem_type type, uint64_t a, int size, int64_t value,
		      void *data)
{
	bool write =
		type == UC_MEM_WRITE || type == UC_MEM_WRITE_UNMAPPED || type == UC_MEM_WRITE_PROT;

	(void)u;
	(void)value;
	(void)data;
	if (++run.accesses > MAX_ACCESSES)
		stop(END_TIME);
	if (a < 1ull << 47 && !allowed(a, a + (unsigned int)size, write))
		escape(write ? "write to the lower half" : "read of the lower half", a);
}

/* In gentle runs an address that leads nowhere gets a page, so that the code runs on. */
static bool map_junk(uint64_t page)
{
	if (nr_junk == MAX_JUNK ||
	    uc_mem_map_ptr(uc, page, 4096, UC_PROT_READ | UC_PROT_WRITE, heap))
		return false;
	junk[nr_junk++] = page;
	return true;
}

static bool on_invalid(uc_engine *u, uc_mem_type type, uint64_t a, int size, int64_t value,
		       void *data)
{
	if (type == UC_MEM_FETCH_UNMAPPED || type == UC_MEM_FETCH_PROT)
		escape("jump out of the text", a);
	else
		on_access(u, type, a, size, value, data);
	if (!run.done && run.gentle && a >= 0xffff800000000000 && map_junk(a & ~0xfffull))
		return true;
	stop(END_FAULT);
	return false;
}

/* A native or an upcall may leave anything in the registers that it need not preserve. */
static void clobber(void)
{
	for (unsigned int k = 0; k < 16; k++) {
		uint64_t v = hostile_value(run.gentle);

		if (k != RSP && !(CALLEE_SAVED >> k & 1))
			uc_reg_write(uc, registers[k], &v);
	}
}

static void on_outside(uint64_t a, uint64_t rsp)
{
	uint64_t to = JUST_RETURN;

	switch (loader_at(a)) {
	case OUTSIDE_NOTHING:
		escape("jump out of the text", a);
		break;
	case OUTSIDE_KILLS:
		stop(END_KILLED);
		break;
	case OUTSIDE_RETURNS:
		clobber();
		break;
	case OUTSIDE_THUNK: /* a function of the text, with stack of its own, or a native */
		if (verdict.nr_entries && below(2) && run.entry_rsp - rsp < 2 * TWIN_STACK_LIMIT) {
			to = TWIN_BASE + verdict.entries[below(verdict.nr_entries)];
			run.floor = rsp - TWIN_STACK_LIMIT;
		}
		memcpy(word, &to, 8);
		break;
	}
}

static void on_block(uc_engine *u, uint64_t a, uint32_t size, void *data)
{
	uint64_t rsp = get(UC_X86_REG_RSP);

	(void)u;
	(void)size;
	(void)data;
	if (run.done)
		return;
	if (++run.blocks > MAX_BLOCKS)
		stop(END_TIME);
	else if (a == RETURN_TO && rsp != run.entry_rsp + 8)
		escape("return with another stack pointer", rsp);
	else if (a == RETURN_TO)
		stop(END_RETURNED);
	else if (rsp > run.entry_rsp || rsp < run.floor)
		escape("stack pointer beyond its limit", rsp);
	else if (a - TWIN_BASE >= verdict.size)
		on_outside(a, rsp);
	else if (!starts[a - TWIN_BASE])
		escape("jump into an instruction", a);
}

static bool map(uint64_t a, void *bytes, uint64_t size, uint32_t rights)
{
	return !uc_mem_map_ptr(uc, a, size, rights, bytes);
}

static void fill(void *to, uint64_t size)
{
	for (uint64_t at = 0; at < size; at += sizeof(values))
		memcpy((uint8_t *)to + at, values,
		       size - at < sizeof(values) ? size - at : sizeof(values));
}

bool machine_open(void)
{
	const uint32_t rw = UC_PROT_READ | UC_PROT_WRITE, rx = UC_PROT_READ | UC_PROT_EXEC;
	uc_hook h;
	bool ok = !uc_open(UC_ARCH_X86, UC_MODE_64, &uc) && map(TWIN_BASE, text, TEXT_BYTES, rx) &&
		  map(NATIVES, outside, OUTSIDE_SIZE, rx) && map(THUNK_WORD, word, 4096, rw) &&
		  map(GS, gs, sizeof(gs), rw) &&
		  map(STACK - STACK_BYTES / 2, stack, STACK_BYTES, rw) &&
		  map(STACK - STACK_BYTES / 2 + DISTANCE, second, STACK_BYTES, rw) &&
		  map(HEAP, heap, HEAP_BYTES, rw) && map(IMPORTS, import, IMPORT_BYTES, rw);

	for (unsigned int k = 0; ok && k < NR_SECTIONS; k++)
		ok = map(SECTIONS + SECTION_GAP * k, section[k], SECTION_BYTES, rw);
	ok = ok && !uc_hook_add(uc, &h, UC_HOOK_MEM_INVALID, on_invalid, NULL, 1, 0) &&
	     !uc_hook_add(uc, &h, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, on_access, NULL, 1, 0) &&
	     !uc_hook_add(uc, &h, UC_HOOK_BLOCK, on_block, NULL, 1, 0) &&
	     ZYAN_SUCCESS(
		     ZydisDecoderInit(&zydis, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64));
	memset(outside, 0xc3, sizeof(outside)); /* ret */
	for (unsigned int k = 0; k < 16; k++) { /* jmp [rip + x] */
		int32_t x = (int32_t)(THUNK_WORD - (THUNKS + 128 * k + 6));

		memcpy(&outside[THUNKS - NATIVES + 128 * k], "\xff\x25", 2);
		memcpy(&outside[THUNKS - NATIVES + 128 * k + 2], &x, 4);
	}
	return ok;
}

/* Where instructions begin, by a decoder that is not the judge's. */
static void find_starts(void)
{
	ZydisDecodedInstruction i;

	memset(starts, 0, sizeof(starts));
	for (uint32_t at = 0; at < verdict.size; at += i.length) {
		if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&zydis, NULL, text + at,
								verdict.size - at, &i)))
			return;
		starts[at] = 1;
	}
}

/* Puts the text in; only what differs from the image before is translated anew. */
static void load_text(void)
{
	uint32_t from = 0, to;

	for (uint32_t at = 0; at < TEXT_BYTES; at = to) {
		const uint32_t piece = 64;

		to = at + piece;
		if (memcmp(text + at, verdict.text + at, piece) == 0)
			continue;
		from = at;
		memcpy(text + from, verdict.text + from, piece);
		uc_ctl_remove_cache(uc, TWIN_BASE + from, TWIN_BASE + to);
	}
	find_starts();
	for (unsigned int k = 0; k < HEAP_BYTES / 8; k++)
		values[k] = values[k] ? values[k] : hostile_value(k % 4);
	fill(heap, sizeof(heap));
	fill(section, sizeof(section));
	fill(import, sizeof(import));
}

/* Run from an address; go on behind the traps that are warnings. */
static void run_from(uint64_t a)
{
	for (unsigned int k = 0; k < 8; k++) {
		if (uc_emu_start(uc, a, 0, 0, 0) == UC_ERR_OK || run.done)
			return;
		a = get(UC_X86_REG_RIP);
		if (!twin_is_warn(a))
			break;
		a += 2;
	}
	stop(END_TRAP);
}

static void invoke(void)
{
	uint64_t saved[16], back = RETURN_TO, fs = DISTANCE, base = GS, flags = 2;

	run.entry_rsp = STACK - 8;
	run.floor = run.entry_rsp - TWIN_STACK_LIMIT;
	run.blocks = run.accesses = 0;
	run.done = false;
	run.end = END_TRAP;
	run.gentle = below(4);
	for (unsigned int k = 0; k < 64; k++)
		((uint64_t *)heap)[below(HEAP_BYTES / 8)] = hostile_value(run.gentle);
	for (unsigned int k = 0; k < 16; k++) {
		saved[k] = k == RSP ? run.entry_rsp : hostile_value(run.gentle);
		if (run.gentle && (k == RDI || k == RSI))
			saved[k] = HEAP + 64ull * below(HEAP_BYTES / 64);
		if (k == RCX && below(2))
			saved[k] = below(64); /* short strings end */
		uc_reg_write(uc, registers[k], &saved[k]);
	}
	uc_reg_write(uc, UC_X86_REG_EFLAGS, &flags);
	uc_reg_write(uc, UC_X86_REG_FS_BASE, &fs);
	uc_reg_write(uc, UC_X86_REG_GS_BASE, &base);
	uc_mem_write(uc, run.entry_rsp, &back, 8);
	run_from(TWIN_BASE + verdict.entries[below(verdict.nr_entries)]);
	if (run.escape || run.end != END_RETURNED)
		return;
	for (unsigned int k = 0; k < 16; k++)
		if (CALLEE_SAVED >> k & 1 && get(registers[k]) != saved[k])
			escape("callee-saved register changed", k);
}

const char *machine_run(unsigned int n, uint64_t ends[NR_ENDS], uint64_t *address)
{
	run.escape = NULL;
	load_text();
	for (unsigned int k = 0; verdict.nr_entries && k < n && !run.escape; k++) {
		invoke();
		ends[run.end]++;
	}
	while (nr_junk)
		uc_mem_unmap(uc, junk[--nr_junk], 4096);
	*address = run.address;
	return run.escape;
}
