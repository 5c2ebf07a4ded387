/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loaders of VMs' kernels (hv/vm/load*.c). The input is a byte that chooses the VM and what
 * comes along, then the kernel's file. Each piece of the VM's RAM is an allocation of its own, so
 * that the sanitizer sees a step over its end.
 */
#include "cpu/timer.h"
#include "guided.h"
#include "mem/layout.h"
#include "vm/load.h"
#include "vm/load_parts.h"
#include "vm/mem.h"

#define INITRD_BYTES 5000
#define LOW_END      0x9f000UL

enum { IS_DVM = 1, HAS_INITRD = 2, HUGE_INITRD = 4, HAS_WORDS = 8, MANY_WORDS = 16 };

uint64_t tsc_khz = 2000000;

/* As hv/vm/build.c lays it out, but smaller: a guest in one piece, the driver VM around holes. */
static struct vm guest = { .ram = { { 0, MIB(4), NULL } }, .ram_count = 1, .low_end = LOW_END };
static struct vm dvm = { .ram = { { 0, LOW_END, NULL },
				  { LOW_END, MIB(1) - LOW_END, NULL },
				  { MIB(1), MIB(2), NULL },
				  { MIB(4), MIB(2), NULL } },
			 .ram_count = 4,
			 .low_end = LOW_END };
static uint8_t *initrd;

void *vm_ram(const struct vm *vm, gpa_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < vm->ram_count; i++) {
		const struct vm_ram_range *r = &vm->ram[i];

		if (gpa >= r->gpa && gpa - r->gpa < r->size && len <= r->size - (gpa - r->gpa))
			return r->hva + (gpa - r->gpa);
	}
	return NULL;
}

static void make_ram(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->ram_count; i++) {
		vm->ram[i].hva = calloc(1, vm->ram[i].size);
		vm->mem_size += vm->ram[i].size;
	}
}

static void check_map(const struct vm *vm, uint64_t start, uint64_t size, uint32_t type)
{
	CHECK(size);
	if (type == 1) {
		CHECK(vm_ram(vm, start, size));
		return;
	}
	if (start == LOW_END)
		return;
	CHECK(start >= MIB(1));
	for (gpa_t at = start; at < start + size; at += PAGE_SIZE)
		CHECK(!vm_ram(vm, at, 1));
}

static void check_initrd(const struct vm *vm, const struct vm_config *cfg, gpa_t gpa, uint64_t size)
{
	CHECK(size == (cfg->initrd ? cfg->initrd->size : 0));
	CHECK(!size || gpa % PAGE_SIZE == 0);
	CHECK(!size || memcmp(vm_ram(vm, gpa, size), initrd, size) == 0);
}

/* struct start_info of load_pvh.c, by the offsets of Xen's start_info.h. */
static void check_pvh(const struct vm *vm, const struct vm_config *cfg, const struct vcpu_entry *e)
{
	const uint8_t *info = vm_ram(vm, e->rbx, PAGE_SIZE);
	const uint64_t *module, *range;
	uint32_t modules, ranges;

	CHECK(info && e->rip <= 0xffffffff);
	memcpy(&modules, info + 12, 4);
	memcpy(&ranges, info + 48, 4);
	module = vm_ram(vm, *(const uint64_t *)(info + 16), 32);
	range = vm_ram(vm, *(const uint64_t *)(info + 40), 24 * (uint64_t)ranges);
	CHECK(modules <= 1 && module && range && ranges);
	check_initrd(vm, cfg, module[0], modules ? module[1] : 0);
	for (; ranges; ranges--, range += 3)
		check_map(vm, range[0], range[1], range[2]);
}

/* The zero page, by the offsets of Linux's zero-page.rst. */
static void check_bzimage(const struct vm *vm, const struct vm_config *cfg,
			  const struct vcpu_entry *e)
{
	const uint8_t *zero = vm_ram(vm, e->rsi, PAGE_SIZE);
	uint32_t at, size, words;

	CHECK(zero && vm_ram(vm, e->cr3, 6 * PAGE_SIZE) && vm_ram(vm, e->gdt_base, 32));
	CHECK(vm_ram(vm, e->rip - 0x200, 1) && e->rip >= MIB(1));
	memcpy(&at, zero + 0x218, 4);
	memcpy(&size, zero + 0x21c, 4);
	memcpy(&words, zero + 0x228, 4);
	CHECK(vm_ram(vm, words, 1) == vm->cmdline);
	check_initrd(vm, cfg, at, size);
	for (unsigned int i = 0; i < zero[0x1e8]; i++) {
		uint64_t range[2];
		uint32_t type;

		memcpy(range, zero + 0x2d0 + 20 * i, 16);
		memcpy(&type, zero + 0x2d0 + 20 * i + 16, 4);
		check_map(vm, range[0], range[1], type);
	}
}

static void run(const uint8_t *file, size_t size, unsigned int choice)
{
	static char many[LOAD_CMDLINE_SIZE];
	struct vm *vm = choice & IS_DVM ? &dvm : &guest;
	const struct boot_module kernel = { .start = hva_to_hpa(file), .size = size };
	const struct boot_module module = { .start = hva_to_hpa(initrd),
					    .size = choice & HUGE_INITRD ? ~0UL : INITRD_BYTES };
	struct vm_config cfg = { .kernel = &kernel, .cmdline = "" };
	struct vcpu_entry entry = { 0 };
	char why[120] = "";

	memset(many, 'x', sizeof(many) - 1);
	if (choice & (HAS_INITRD | HUGE_INITRD))
		cfg.initrd = &module;
	if (choice & HAS_WORDS)
		cfg.cmdline = "console=ttyS0 -- quiet";
	if (choice & MANY_WORDS)
		cfg.cmdline = many + (choice & HAS_WORDS ? 30 : 0);
	if (load_kernel(vm, &cfg, &entry, why, sizeof(why))) {
		CHECK(why[0]);
		return;
	}
	CHECK(!(choice & HUGE_INITRD) &&
	      strnlen(vm->cmdline, LOAD_CMDLINE_SIZE) < LOAD_CMDLINE_SIZE);
	CHECK(strncmp(vm->cmdline, cfg.cmdline, strlen(cfg.cmdline)) == 0);
	if (entry.long_mode)
		check_bzimage(vm, &cfg, &entry);
	else
		check_pvh(vm, &cfg, &entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!initrd) {
		make_ram(&guest);
		make_ram(&dvm);
		initrd = malloc(INITRD_BYTES);
		for (unsigned int i = 0; i < INITRD_BYTES; i++)
			initrd[i] = i * 7;
	}
	if (size)
		run(data + 1, size - 1, data[0]);
	return 0;
}
