/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux bzImage by the 64-bit boot protocol. */
#include "dev/acpi.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mem/paging.h"
#include "vm/load_parts.h"
#include "vm/mem.h"

/* Offsets in the setup header and the zero page (Documentation/x86/boot.rst, zero-page.rst). */
enum {
	HDR_SETUP_SECTS = 0x1f1,
	HDR_VID_MODE = 0x1fa,
	HDR_JUMP = 0x201,
	HDR_MAGIC = 0x202,
	HDR_VERSION = 0x206,
	HDR_LOADER = 0x210,
	HDR_FLAGS = 0x211,
	HDR_RAMDISK = 0x218,
	HDR_RAMDISK_SIZE = 0x21c,
	HDR_CMDLINE = 0x228,
	HDR_XLOADFLAGS = 0x236,
	HDR_PREF_ADDRESS = 0x258,
	HDR_INIT_SIZE = 0x260,
	HDR_END = 0x268,
	ZERO_RSDP = 0x70, /* 64 bits */
	ZERO_E820_COUNT = 0x1e8,
	ZERO_E820 = 0x2d0
};

#define XLF_KERNEL_64  BIT(0)
#define LOADED_HIGH    1
#define LOADER_UNKNOWN 0xff
#define ENTRY_64       0x200

struct __packed e820 {
	uint64_t addr, size;
	uint32_t type;
};

static uint64_t field(const struct load *ld, unsigned int off, unsigned int size)
{
	uint64_t v = 0;

	memcpy(&v, ld->file + off, size);
	return v;
}

static void put32(uint8_t *page, unsigned int off, uint32_t val)
{
	memcpy(page + off, &val, 4);
}

bool load_is_bzimage(const struct load *ld)
{
	return ld->size >= HDR_END && memcmp(ld->file + HDR_MAGIC, "HdrS", 4) == 0;
}

static void write_zero_page(struct load *ld)
{
	uint8_t *zero = vm_ram(ld->vm, LOAD_ZERO_PAGE_GPA, PAGE_SIZE);
	uint64_t end = MIN(HDR_MAGIC + field(ld, HDR_JUMP, 1), 0x290UL);

	memset(zero, 0, PAGE_SIZE);
	memcpy(zero + HDR_SETUP_SECTS, ld->file + HDR_SETUP_SECTS,
	       MIN(end, ld->size) - HDR_SETUP_SECTS);
	zero[HDR_LOADER] = LOADER_UNKNOWN;
	zero[HDR_FLAGS] |= LOADED_HIGH;
	zero[HDR_VID_MODE] = zero[HDR_VID_MODE + 1] = 0xff;
	put32(zero, HDR_CMDLINE, LOAD_CMDLINE_GPA);
	put32(zero, HDR_RAMDISK, ld->initrd);
	put32(zero, HDR_RAMDISK_SIZE, ld->initrd_size);
	if (ld->vm->kind == VM_GUEST)
		put32(zero, ZERO_RSDP, ACPI_GPA);
	zero[ZERO_E820_COUNT] = ld->map_count;
	for (unsigned int i = 0; i < ld->map_count; i++) {
		struct e820 e = { ld->map[i].start, ld->map[i].size, ld->map[i].type };

		memcpy(zero + ZERO_E820 + i * sizeof(e), &e, sizeof(e));
	}
}

/* Identity tables of the low 4 GiB and a flat GDT, as the protocol asks for. */
static void write_tables(struct load *ld)
{
	static const uint64_t gdt[4] = { 0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff };
	uint64_t *t = vm_ram(ld->vm, LOAD_TABLES_GPA, 6 * PAGE_SIZE);

	memcpy(vm_ram(ld->vm, LOAD_GDT_GPA, sizeof(gdt)), gdt, sizeof(gdt));
	memset(t, 0, 2 * PAGE_SIZE);
	t[0] = (LOAD_TABLES_GPA + PAGE_SIZE) | PTE_P | PTE_W;
	for (uint64_t i = 0; i < 4; i++)
		t[512 + i] = (LOAD_TABLES_GPA + (2 + i) * PAGE_SIZE) | PTE_P | PTE_W;
	for (uint64_t i = 0; i < 4 * 512; i++)
		t[1024 + i] = i << 21 | PTE_P | PTE_W | PTE_PS;
}

int load_bzimage(struct load *ld, struct vcpu_entry *entry)
{
	uint64_t sects = field(ld, HDR_SETUP_SECTS, 1), off = ((sects ? sects : 4) + 1) * 512;
	gpa_t pref = field(ld, HDR_PREF_ADDRESS, 8);
	uint64_t need = field(ld, HDR_INIT_SIZE, 4);
	uint8_t *dst;

	if (field(ld, HDR_VERSION, 2) < 0x20c || !(field(ld, HDR_XLOADFLAGS, 2) & XLF_KERNEL_64))
		return load_fail(ld, "its bzImage has no 64-bit entry (protocol %lx)",
				 field(ld, HDR_VERSION, 2));
	if (off >= ld->size)
		return load_fail(ld, "its bzImage is cut off (%lu bytes)", ld->size);
	need = MAX(need, ld->size - off);
	dst = pref < MIB(1) ? NULL : vm_ram(ld->vm, pref, need);
	if (!dst)
		return load_fail(ld, "too little memory: the bzImage needs %lx-%lx (mem=%luM)",
				 pref, pref + need, ld->vm->mem_size >> 20);
	memcpy(dst, ld->file + off, ld->size - off);
	ld->kernel_end = pref + need;
	if (load_initrd(ld))
		return -EINVAL;
	write_zero_page(ld);
	write_tables(ld);
	*entry = (struct vcpu_entry){ .long_mode = true,
				      .rip = pref + ENTRY_64,
				      .rsp = LOAD_TABLES_GPA,
				      .cr3 = LOAD_TABLES_GPA,
				      .gdt_base = LOAD_GDT_GPA,
				      .rsi = LOAD_ZERO_PAGE_GPA };
	return 0;
}
