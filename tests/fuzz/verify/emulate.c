/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The emulator that accepted programs run in, with hostile registers and memory. See fuzz.h. */
#include <unicorn/unicorn.h>

#include "fuzz.h"

struct run run;

#define SECOND       (STACK + DISTANCE)
#define REACH        (1ull << 40)
#define CALLEE_SAVED 0xf028u /* rbx rbp r12-r15 */

#define HEAP      0xffff888000000000ull /* where valid pointers of gentle runs lead */
#define RETURN_TO (NATIVES + 0x4000)    /* where an entry returns to */

/* Addresses that must not be reached, borders, and what lets code run on. */
static uint64_t hostile_value(void)
{
	static const uint64_t v[] = { 0,
				      STACK - 64,
				      STACK,
				      BASE,
				      GS,
				      NATIVES,
				      DISTANCE,
				      1ull << 47,
				      (1ull << 47) - 8,
				      REACH,
				      REACH - 8,
				      ~0ull,
				      SECOND,
				      0xffff800000000000,
				      0x0000800000000008,
				      0xffffffffc0000010 };

	if (run.gentle && below(16))
		return below(3) ? HEAP + 8 * (uint64_t)below(32768) : below(100);
	switch (below(5)) {
	case 0:
		return rnd();
	case 1:
		return (rnd() & 0x7fffffffffff) | 0xffff800000000000;
	case 2:
		return below(100);
	default:
		return v[below(16)] + (below(2) ? 0 : 8 * (uint64_t)below(64) - 256);
	}
}

static void stop(uc_engine *uc, struct run *r, const char *violation, uint64_t address)
{
	if (violation && !r->violation) {
		r->violation = violation;
		r->address = address;
	}
	r->done = true;
	uc_emu_stop(uc);
}

static bool is_lower(uint64_t a)
{
	return a < 1ull << 47;
}

/*
 * In the lower half only the frame, the gs block and the empty zones may be named. The return
 * address is read, by ret, but not written.
 */
static bool allowed(const struct run *r, uint64_t a, unsigned size, bool write)
{
	if (a - (GS) <= 4096 - size)
		return true;
	if (a >= r->entry_rsp - STACK_LIMIT && a + size <= r->entry_rsp + (write ? 0 : 8))
		return true;
	return a + size <= REACH || a >= (1ull << 47) - REACH;
}

static void on_access(uc_engine *uc, uc_mem_type type, uint64_t a, int size, int64_t value,
		      void *data)
{
	bool write = type == UC_MEM_WRITE || type == UC_MEM_WRITE_UNMAPPED;

	(void)value;
	if (is_lower(a) && !allowed(data, a, (unsigned)size, write))
		stop(uc, data, "access to the lower half", a);
}

/* A page of the window comes in full of hostile values; anything else is a fault: the twin dies. */
static bool on_unmapped(uc_engine *uc, uc_mem_type type, uint64_t a, int size, int64_t value,
			void *data)
{
	struct run *r = data;
	uint64_t page[512];

	on_access(uc, type, a, size, value, data);
	if (a < 0xffff800000000000 || a > 0xffffffffffffe000 || r->mapped == 128 || r->done)
		return false;
	for (unsigned k = 0; k < 512; k++)
		page[k] = hostile_value();
	a &= ~0xfffull;
	if (uc_mem_map(uc, a, 4096, UC_PROT_READ | UC_PROT_WRITE))
		return false;
	r->pages[r->mapped++] = a;
	uc_mem_write(uc, a, page, sizeof(page));
	return true;
}

static uint64_t get(uc_engine *uc, int reg)
{
	uint64_t v = 0;

	uc_reg_read(uc, reg, &v);
	return v;
}

static const int registers[16] = {
	UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX,
	UC_X86_REG_RSP, UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI,
	UC_X86_REG_R8,  UC_X86_REG_R9,  UC_X86_REG_R10, UC_X86_REG_R11,
	UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14, UC_X86_REG_R15,
};

static const struct verify_target *native_at(const struct program *p, uint64_t a)
{
	for (uint32_t k = 0; k < p->nr_targets; k++)
		if (p->targets[k].addr == a)
			return &p->targets[k];
	return NULL;
}

/* A native may leave anything in the registers that it need not preserve. */
static void on_native(uc_engine *uc, struct run *r, const struct verify_target *t)
{
	if (t->flags & VERIFY_TARGET_NORETURN)
		stop(uc, r, NULL, 0);
	for (unsigned k = 0; k < 16; k++) {
		uint64_t v = hostile_value();

		if (k != 4 && !(CALLEE_SAVED >> k & 1))
			uc_reg_write(uc, registers[k], &v);
	}
}

static void on_code(uc_engine *uc, uint64_t a, uint32_t size, void *data)
{
	struct run *r = data;
	uint64_t rsp = get(uc, UC_X86_REG_RSP);
	const struct verify_target *native = native_at(r->p, a);

	(void)size;
	r->instructions++;
	if (a == RETURN_TO)
		stop(uc, r, rsp == r->entry_rsp + 8 ? NULL : "returned with another stack pointer",
		     rsp);
	else if (native)
		on_native(uc, r, native);
	else if (a < BASE || a >= BASE + r->p->size)
		stop(uc, r, "left the blob", a);
	else if (rsp > r->entry_rsp || rsp < r->entry_rsp - STACK_LIMIT)
		stop(uc, r, "stack pointer outside its limit", rsp);
}

static uc_engine *uc;

bool emulator_open(void)
{
	uc_hook h;
	bool ok =
		!uc_open(UC_ARCH_X86, UC_MODE_64, &uc) &&
		!uc_mem_map(uc, BASE, MAX_CODE, UC_PROT_ALL) &&
		!uc_mem_map(uc, NATIVES, 0x5000, UC_PROT_ALL) &&
		!uc_mem_map(uc, STACK - 8192, 12288, UC_PROT_READ | UC_PROT_WRITE) &&
		!uc_mem_map(uc, GS, 4096, UC_PROT_READ | UC_PROT_WRITE) &&
		!uc_hook_add(uc, &h, UC_HOOK_MEM_UNMAPPED, on_unmapped, &run, 1, 0) &&
		!uc_hook_add(uc, &h, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, on_access, &run, 1, 0) &&
		!uc_hook_add(uc, &h, UC_HOOK_CODE, on_code, &run, 1, 0);

	for (unsigned k = 0; ok && k < NR_NATIVES; k++)
		ok = !uc_mem_write(uc, NATIVES + NATIVE_SIZE * k, "\xc3", 1); /* ret */
	return ok && !uc_mem_write(uc, RETURN_TO, "\x90", 1);
}

static bool is_warning(const struct program *p, uint64_t a)
{
	for (uint32_t k = 0; k < p->nr_traps; k++)
		if (BASE + p->traps[k] == a)
			return true;
	return false;
}

/* Run from an address; go on behind the traps that are warnings. */
static void run_from(const struct program *p, uint64_t a)
{
	for (unsigned k = 0; k < 8; k++) {
		if (uc_emu_start(uc, a, 0, 0, 2000) == UC_ERR_OK || run.done)
			return;
		a = get(uc, UC_X86_REG_RIP);
		if (a - BASE >= p->size && !native_at(p, a)) { /* the fetch was the fault */
			stop(uc, &run, "left the blob", a);
			return;
		}
		if (!is_warning(p, a))
			return;
		a += 2;
	}
}

/* One activation with hostile registers. */
static void activate(const struct program *p)
{
	uint64_t saved[16], back = RETURN_TO, fs = DISTANCE, gs = GS, flags = 2;

	run.p = p;
	run.done = false;
	run.gentle = below(2);
	run.entry_rsp = STACK - 8;
	for (unsigned k = 0; k < 16; k++) {
		saved[k] = k == 4 ? run.entry_rsp : hostile_value();
		if (k == 1 && below(2))
			saved[k] = below(64); /* short strings end */
		uc_reg_write(uc, registers[k], &saved[k]);
	}
	uc_reg_write(uc, UC_X86_REG_EFLAGS, &flags);
	uc_reg_write(uc, UC_X86_REG_FS_BASE, &fs);
	uc_reg_write(uc, UC_X86_REG_GS_BASE, &gs);
	uc_mem_write(uc, run.entry_rsp, &back, 8);
	run_from(p, BASE + p->entries[below(p->nr_entries)]);
	if (run.violation || get(uc, UC_X86_REG_RIP) != back)
		return;
	for (unsigned k = 0; k < 16; k++)
		if (CALLEE_SAVED >> k & 1 && get(uc, registers[k]) != saved[k])
			run.violation = "callee-saved register changed";
}

void emulator_execute(const struct program *p)
{
	run = (struct run){ 0 };
	uc_mem_write(uc, BASE, p->code, p->size);
	uc_ctl_remove_cache(uc, BASE, BASE + p->size);
	for (unsigned k = 0; k < 6 && !run.violation; k++)
		activate(p);
	for (unsigned k = 0; k < run.mapped; k++)
		uc_mem_unmap(uc, run.pages[k], 4096);
}
