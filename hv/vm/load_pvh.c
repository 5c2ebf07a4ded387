/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ELF64 kernels with a PVH entry note. */
#include "dev/acpi.h"
#include "lib/elf64.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "vm/load_parts.h"
#include "vm/mem.h"

#define PHYS32_ENTRY     18 /* XEN_ELFNOTE_PHYS32_ENTRY */
#define START_INFO_MAGIC 0x336ec578
#define MAX_SEGMENTS     64

struct elf_note {
	uint32_t namesz, descsz, type;
};

struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist, cmdline, rsdp, memmap;
	uint32_t memmap_entries, reserved;
};
ASSERT_SIZE(struct start_info, 56);

struct start_module {
	uint64_t paddr, size, cmdline, reserved;
};

struct start_range {
	uint64_t addr, size;
	uint32_t type, reserved;
};

static bool in_file(const struct load *ld, uint64_t off, uint64_t len)
{
	return off <= ld->size && len <= ld->size - off;
}

static int check_header(struct load *ld, struct elf64_header *h)
{
	if (!in_file(ld, 0, sizeof(*h)))
		return load_fail(ld, "its ELF kernel is cut off (%lu bytes)", ld->size);
	memcpy(h, ld->file, sizeof(*h));
	if (h->ident[4] != 2 || h->machine != EM_X86_64)
		return load_fail(ld, "its ELF kernel is not for x86-64");
	if (h->type != ET_EXEC && h->type != ET_DYN)
		return load_fail(ld, "its ELF kernel is not an executable");
	if (h->phentsize != sizeof(struct elf64_segment) || h->phnum == 0 ||
	    h->phnum > MAX_SEGMENTS || !in_file(ld, h->phoff, h->phnum * h->phentsize))
		return load_fail(ld, "its ELF kernel has a broken program header table");
	return 0;
}

static int load_segment(struct load *ld, const struct elf64_segment *s)
{
	uint8_t *dst;

	if (s->memsz == 0)
		return 0;
	if (s->filesz > s->memsz || !in_file(ld, s->offset, s->filesz))
		return load_fail(ld, "its ELF kernel is cut off (segment at %lx)", s->paddr);
	dst = s->paddr < LOAD_TABLES_GPA ? NULL : vm_ram(ld->vm, s->paddr, s->memsz);
	if (!dst)
		return load_fail(
			ld, "too little memory: no RAM for the kernel's segment %lx-%lx (mem=%luM)",
			s->paddr, s->paddr + s->memsz, ld->vm->mem_size >> 20);
	memcpy(dst, ld->file + s->offset, s->filesz);
	memset(dst + s->filesz, 0, s->memsz - s->filesz);
	ld->kernel_end = MAX(ld->kernel_end, s->paddr + s->memsz);
	return 0;
}

/* Looks for the entry note inside one PT_NOTE segment; 0 = not there. */
static uint32_t find_entry(const struct load *ld, const struct elf64_segment *s)
{
	uint64_t at = s->offset, end = s->offset + s->filesz;
	struct elf_note n;

	if (!in_file(ld, s->offset, s->filesz))
		return 0;
	while (at + sizeof(n) <= end) {
		uint64_t name = at + sizeof(n), desc;

		memcpy(&n, ld->file + at, sizeof(n));
		desc = name + ALIGN_UP(n.namesz, 4);
		if (desc > end || n.descsz > end - desc)
			return 0;
		if (n.type == PHYS32_ENTRY && n.namesz == 4 && n.descsz >= 4 &&
		    memcmp(ld->file + name, "Xen", 4) == 0) {
			uint32_t entry;

			memcpy(&entry, ld->file + desc, 4);
			return entry;
		}
		at = desc + ALIGN_UP(n.descsz, 4);
	}
	return 0;
}

static void write_start_info(struct load *ld)
{
	struct start_info *info = vm_ram(ld->vm, LOAD_START_INFO_GPA, PAGE_SIZE);
	struct start_module *mod = (void *)(info + 1);
	struct start_range *range = (void *)(mod + 1);
	uint64_t base = LOAD_START_INFO_GPA;

	*info = (struct start_info){ .magic = START_INFO_MAGIC,
				     .version = 1,
				     .nr_modules = ld->initrd_size != 0,
				     .modlist = base + ((uint8_t *)mod - (uint8_t *)info),
				     .cmdline = LOAD_CMDLINE_GPA,
				     .rsdp = ld->vm->kind == VM_GUEST ? ACPI_GPA : 0,
				     .memmap = base + ((uint8_t *)range - (uint8_t *)info),
				     .memmap_entries = ld->map_count };
	*mod = (struct start_module){ .paddr = ld->initrd, .size = ld->initrd_size };
	for (unsigned int i = 0; i < ld->map_count; i++)
		range[i] = (struct start_range){ ld->map[i].start, ld->map[i].size, ld->map[i].type,
						 0 };
}

int load_pvh(struct load *ld, struct vcpu_entry *entry)
{
	struct elf64_header h;
	uint32_t start = 0;

	if (check_header(ld, &h))
		return -EINVAL;
	for (unsigned int i = 0; i < h.phnum; i++) {
		struct elf64_segment s;

		memcpy(&s, ld->file + h.phoff + i * sizeof(s), sizeof(s));
		if (s.type == PT_LOAD && load_segment(ld, &s))
			return -EINVAL;
		if (s.type == PT_NOTE && !start)
			start = find_entry(ld, &s);
	}
	if (!start)
		return load_fail(ld, "its ELF kernel has no PVH entry note");
	if (load_initrd(ld))
		return -EINVAL;
	write_start_info(ld);
	*entry = (struct vcpu_entry){ .rip = start, .rbx = LOAD_START_INFO_GPA };
	return 0;
}
