/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine: memory, hooks, one invocation after the other. See machine.h for what is watched. */
#include "machine.h"

#include <Zydis/Zydis.h>
#include <string.h>
#include <unicorn/unicorn.h>

#include "drivers/twin_abi.h"
#include "drivers/verify/decode.h"
#include "hostile.h"
#include "random.h"
#include "shadow.h"

#define CALLEE_SAVED  0xf028u /* rbx rbp r12-r15 */
#define MAX_BLOCKS    300
#define STLB_BLOCKS   1200 /* each lookup is three */
#define MAX_ACCESSES  4000
#define MAX_JUNK      24
#define STACK_BYTES   0x10000
#define SECTION_BYTES 0x10000
#define GS_ALL        (TWIN_STLB_TABLE + 16 * TWIN_STLB_ENTRIES)
#define SLOT_BYTES    8192
#define MAX_SLOTS     64

static uc_engine *uc;
static ZydisDecoder zydis;

/* Memory of the machine, shared with the emulator. */
static _Alignas(4096) uint8_t text[TEXT_BYTES], outside[OUTSIDE_SIZE], word[4096], gs[GS_ALL];
static _Alignas(4096) uint8_t stack[STACK_BYTES], second[STACK_BYTES], heap[HEAP_BYTES];
static _Alignas(4096) uint8_t section[NR_SECTIONS][SECTION_BYTES], import[IMPORT_BYTES];
static uint64_t values[HEAP_BYTES / 8]; /* what fills the driver VM's memory */
static uint8_t starts[TEXT_BYTES];      /* 1: an instruction begins here */

static const struct machine_image *image;
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

static uint64_t slot_page[2 * MAX_SLOTS]; /* of the hypervisor's region, mapped for this image */
static unsigned int nr_slot_pages;

static const int registers[16] = {
	UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX,
	UC_X86_REG_RSP, UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI,
	UC_X86_REG_R8,  UC_X86_REG_R9,  UC_X86_REG_R10, UC_X86_REG_R11,
	UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14, UC_X86_REG_R15,
};

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

/* The instruction that accesses memory just now; false if it is none of the text. */
static bool at_text(uint64_t *offset)
{
	*offset = get(UC_X86_REG_RIP) - TWIN_BASE;
	return *offset < image->size;
}

/* An access inside of the stack: only call and ret touch return addresses. */
static void on_stack(uint64_t a, uint32_t size, bool write)
{
	uint64_t at;
	bool of_text = at_text(&at);

	if (write) {
		bool is_call = of_text && text[at] == 0xe8;

		if (!is_call && shadow_touches_return(a, size))
			escape("write to a return address", a);
		shadow_write(a, size, is_call);
		return;
	}
	if (!of_text || text[at] == 0xc3) {
		if (!shadow_is_return(a))
			escape("return to what no call left", a);
	} else if (a >= get(UC_X86_REG_RSP) && !shadow_is_data(a, size)) {
		escape("read of stack bytes never written, or of a return address", a);
	} /* below rsp: the barrier `lock add dword [rsp-4], 0` */
}

/*
 * Does the access come from an instruction that names this constant address? It must be that very
 * address: of an atomic operation the emulator may still say where the access before it was.
 */
static bool is_constant(uint64_t a)
{
	ZydisDecodedInstruction i;
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	uint64_t at;

	if (!at_text(&at) ||
	    !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&zydis, text + at, image->size - at, &i, o)))
		return false;
	for (unsigned int k = 0; k < i.operand_count; k++)
		if (o[k].type == ZYDIS_OPERAND_TYPE_MEMORY)
			return o[k].mem.base == ZYDIS_REGISTER_NONE &&
			       o[k].mem.index == ZYDIS_REGISTER_NONE &&
			       (uint64_t)o[k].mem.disp.value == a;
	return false;
}

static void on_lower_half(uint64_t a, uint32_t size, bool write)
{
	uint64_t end = a + size;

	if (a >= GS && end <= GS + GS_BYTES)
		return;
	if (image->miss && !write && a >= GS + TWIN_STLB_TABLE && end <= GS + GS_ALL)
		return;
	if (image->miss && a - STLB_BASE < SLOT_BYTES * TWIN_STLB_ENTRIES)
		return; /* what is not mapped there faults */
	if (a >= run.floor && end <= run.entry_rsp + (write ? 0 : 8))
		on_stack(a, size, write);
	else if (!write && a == THUNK_WORD && get(UC_X86_REG_RIP) >= THUNKS)
		return;
	else if (end > REACH && a < (1ull << 47) - REACH)
		escape(write ? "write to the lower half" : "read of the lower half", a);
	else if (is_constant(a))
		escape("constant address of the lower half", a);
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
	if (a < 1ull << 47)
		on_lower_half(a, (uint32_t)size, write);
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

/* The driver VM's page, or NULL. */
static uint8_t *dvm_page(uint64_t page)
{
	if (page - HEAP < HEAP_BYTES)
		return heap + (page - HEAP);
	if (page - IMPORTS < IMPORT_BYTES)
		return import + (page - IMPORTS);
	if (page - (STACK - STACK_BYTES / 2 + DISTANCE) < STACK_BYTES)
		return second + (page - (STACK - STACK_BYTES / 2 + DISTANCE));
	if (page - SECTIONS < SECTION_GAP * NR_SECTIONS &&
	    (page - SECTIONS) % SECTION_GAP < SECTION_BYTES)
		return section[(page - SECTIONS) / SECTION_GAP] + (page - SECTIONS) % SECTION_GAP;
	return NULL;
}

/* One page of a slot: what was there goes. */
static void map_slot_page(uint64_t at, uint8_t *bytes)
{
	unsigned int k = 0;

	while (k < nr_slot_pages && slot_page[k] != at)
		k++;
	if (k < nr_slot_pages) {
		uc_mem_unmap(uc, at, 4096);
		slot_page[k] = slot_page[--nr_slot_pages];
	}
	if (bytes && nr_slot_pages < 2 * MAX_SLOTS &&
	    !uc_mem_map_ptr(uc, at, 4096, UC_PROT_READ | UC_PROT_WRITE, bytes))
		slot_page[nr_slot_pages++] = at;
}

/* As hv/twin/stlb.c: fills the entry, or kills. In gentle runs all upper pages are there. */
static void on_miss(uint64_t a)
{
	uint64_t page = a & ~0xfffull, n = page / 4096 % TWIN_STLB_ENTRIES;
	uint64_t slot = STLB_BASE + SLOT_BYTES * n, entry[2] = { page, page ^ slot };
	uint8_t *bytes = dvm_page(page);

	if (!bytes && run.gentle && a >= 0xffff800000000000)
		bytes = heap;
	if (!bytes || nr_slot_pages + 2 > 2 * MAX_SLOTS) {
		stop(END_KILLED);
		return;
	}
	map_slot_page(slot, bytes);
	map_slot_page(slot + 4096, dvm_page(page + 4096));
	memcpy(gs + TWIN_STLB_TABLE + 16 * n, entry, sizeof(entry));
}

static void on_outside(uint64_t a, uint64_t rsp)
{
	uint64_t to = JUST_RETURN;
	uint32_t args = 0;
	int reg = image->miss ? image->miss(a) : -1;
	enum outside is = image->outside(a, &args);

	if (reg >= 0) {
		on_miss(get(registers[reg]));
		return;
	}
	if (is == OUTSIDE_RETURNS && !shadow_is_data(rsp + 8, args))
		escape("stack arguments that nobody wrote", a);
	switch (is) {
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
		if (image->nr_entries && below(2) && run.entry_rsp - rsp < 2 * STACK_LIMIT) {
			to = TWIN_BASE + image->entries[below(image->nr_entries)];
			run.floor = rsp - STACK_LIMIT;
		}
		memcpy(word, &to, 8);
		break;
	}
}

static void on_block(uc_engine *u, uint64_t a, uint32_t size, void *data)
{
	uint64_t rsp = get(UC_X86_REG_RSP);

	(void)u;
	(void)data;
	if (run.done)
		return;
	shadow_at(rsp);
	if (++run.blocks > (image->miss ? STLB_BLOCKS : MAX_BLOCKS))
		stop(END_TIME);
	else if (a == RETURN_TO && rsp != run.entry_rsp + 8)
		escape("return with another stack pointer", rsp);
	else if (a == RETURN_TO)
		stop(END_RETURNED);
	else if (rsp > run.entry_rsp || rsp < run.floor)
		escape("stack pointer beyond its limit", rsp);
	else if (a - TWIN_BASE >= image->size)
		on_outside(a, rsp);
	else if (!starts[a - TWIN_BASE])
		escape("jump into an instruction", a);
	else if (a - TWIN_BASE + size > image->size)
		escape("execution over the end of the text", a);
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
	random_seed(0);
	for (unsigned int k = 0; k < HEAP_BYTES / 8; k++)
		values[k] = hostile_value(k % 4);
	memset(outside, 0xc3, sizeof(outside)); /* ret */
	for (unsigned int k = 0; k < 16; k++) { /* jmp [rip + x] */
		int32_t x = (int32_t)(THUNK_WORD - (THUNKS + THUNK_BYTES * k + 6));

		memcpy(&outside[THUNKS - NATIVES + THUNK_BYTES * k], "\xff\x25", 2);
		memcpy(&outside[THUNKS - NATIVES + THUNK_BYTES * k + 2], &x, 4);
	}
	return ok;
}

/* Where instructions begin, by a decoder that is not the judge's. */
static void find_starts(void)
{
	ZydisDecodedInstruction i;

	memset(starts, 0, sizeof(starts));
	for (uint32_t at = 0; at < image->size; at += i.length) {
		if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&zydis, NULL, text + at,
								image->size - at, &i)))
			return;
		starts[at] = 1;
	}
}

/* Puts the text in, padded; only what differs from the image before is translated anew. */
static void load_text(void)
{
	static uint8_t fresh[TEXT_BYTES];
	const uint32_t piece = 64;

	memset(fresh, 0xcc, sizeof(fresh));
	memcpy(fresh, image->text, image->size);
	for (uint32_t at = 0; at < TEXT_BYTES; at += piece) {
		if (memcmp(text + at, fresh + at, piece) == 0)
			continue;
		memcpy(text + at, fresh + at, piece);
		uc_ctl_remove_cache(uc, TWIN_BASE + at, TWIN_BASE + at + piece);
	}
	find_starts();
}

/* The same memory for each image, whatever ran before. */
static void load_memory(void)
{
	memset(gs, 0, sizeof(gs));
	for (unsigned int n = 0; n < TWIN_STLB_ENTRIES; n++)
		gs[TWIN_STLB_TABLE + 16 * n] = 1; /* no page */
	memset(stack, 0, sizeof(stack));
	memset(second, 0, sizeof(second));
	fill(heap, sizeof(heap));
	fill(section, sizeof(section));
	fill(import, sizeof(import));
}

/* Did the text just run into padding? The processor stops behind int3. */
static bool is_padding(uint64_t rip)
{
	uint64_t at = rip - TWIN_BASE - 1;

	return at < TEXT_BYTES && text[at] == 0xcc && (at >= image->size || starts[at]);
}

/* Run from an address; go on behind the traps that are warnings. */
static void run_from(uint64_t a)
{
	for (unsigned int k = 0; k < 8; k++) {
		uc_err err = uc_emu_start(uc, a, 0, 0, 0);

		if (err == UC_ERR_OK || run.done)
			return;
		a = get(UC_X86_REG_RIP);
		if (err == UC_ERR_EXCEPTION && is_padding(a))
			escape("execution into padding", a);
		if (run.done || !image->resumes(a))
			break;
		a += 2;
	}
	stop(END_TRAP);
}

static void invoke(void)
{
	uint64_t saved[16], back = RETURN_TO, fs = DISTANCE, base = GS, flags = 2;

	run.entry_rsp = STACK - 8;
	run.floor = run.entry_rsp - STACK_LIMIT;
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
	shadow_begin(run.entry_rsp);
	run_from(TWIN_BASE + image->entries[below(image->nr_entries)]);
	if (run.escape || run.end != END_RETURNED)
		return;
	for (unsigned int k = 0; k < 16; k++)
		if (CALLEE_SAVED >> k & 1 && get(registers[k]) != saved[k])
			escape("callee-saved register changed", k);
}

const char *machine_run(const struct machine_image *img, unsigned int n, uint64_t ends[NR_ENDS],
			uint64_t *address)
{
	image = img;
	run.escape = NULL;
	load_text();
	load_memory();
	for (unsigned int k = 0; image->nr_entries && k < n && !run.escape; k++) {
		invoke();
		ends[run.end]++;
	}
	while (nr_junk)
		uc_mem_unmap(uc, junk[--nr_junk], 4096);
	while (nr_slot_pages)
		uc_mem_unmap(uc, slot_page[--nr_slot_pages], 4096);
	*address = run.address;
	return run.escape;
}
