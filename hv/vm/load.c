/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What both kinds of kernel share: command line, initrd, memory map; and the choice between them.
 */
#include "vm/load.h"

#include "cpu/timer.h"
#include "lib/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mem/layout.h"
#include "vm/load_parts.h"
#include "vm/mem.h"

static const uint8_t elf_magic[4] = { 0x7f, 'E', 'L', 'F' };

int load_fail(struct load *ld, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ld->why, ld->why_size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* The VM's own words, then what the hypervisor knows better. */
int load_cmdline(struct load *ld)
{
	char *dst = vm_ram(ld->vm, LOAD_CMDLINE_GPA, LOAD_CMDLINE_SIZE);
	int n = snprintf(dst, LOAD_CMDLINE_SIZE, "%s%stsc_early_khz=%lu", ld->cfg->cmdline,
			 ld->cfg->cmdline[0] ? " " : "", tsc_khz);

	if (n < 0 || n >= LOAD_CMDLINE_SIZE)
		return load_fail(ld, "its command line is longer than %d characters",
				 LOAD_CMDLINE_SIZE - 1);
	ld->vm->cmdline = dst;
	return 0;
}

/* As high in RAM as it fits, so that the kernel below it has room to grow. */
int load_initrd(struct load *ld)
{
	const struct boot_module *m = ld->cfg->initrd;

	if (!m)
		return 0;
	for (unsigned int i = ld->vm->ram_count; i-- > 0;) {
		const struct vm_ram_range *r = &ld->vm->ram[i];
		gpa_t end = r->gpa + r->size;

		if (m->size > r->size || end - m->size < MAX(ld->kernel_end, r->gpa) + MIB(1))
			continue;
		ld->initrd = ALIGN_DOWN(end - m->size, PAGE_SIZE);
		ld->initrd_size = m->size;
		memcpy(vm_ram(ld->vm, ld->initrd, m->size), hpa_to_hva(m->start), m->size);
		return 0;
	}
	return load_fail(ld, "too little memory: %lu MiB RAM, the initrd needs %lu KiB",
			 ld->vm->mem_size >> 20, m->size >> 10);
}

static void map_add(struct load *ld, gpa_t start, gpa_t end, uint32_t type)
{
	if (end > start)
		ld->map[ld->map_count++] = (struct load_range){ start, end - start, type };
}

/*
 * Usable RAM is what the VM has, less the low area from low_end to 1 MiB (MP table, ROM). What
 * lies between two pieces of it is somebody else's: the kernel must not put a device there.
 */
void load_memory_map(struct load *ld)
{
	gpa_t before = MIB(1);

	ld->map_count = 0;
	for (unsigned int i = 0; i < ld->vm->ram_count; i++) {
		gpa_t start = ld->vm->ram[i].gpa, end = start + ld->vm->ram[i].size;

		map_add(ld, start, MIN(end, ld->vm->low_end), 1);
		map_add(ld, before, start, 2);
		map_add(ld, MAX(start, MIB(1)), end, 1);
		before = MAX(before, end);
	}
	map_add(ld, ld->vm->low_end, MIB(1), 2);
}

int load_kernel(struct vm *vm, const struct vm_config *cfg, struct vcpu_entry *entry, char *why,
		size_t size)
{
	struct load ld = { .vm = vm,
			   .cfg = cfg,
			   .file = hpa_to_hva(cfg->kernel->start),
			   .size = cfg->kernel->size,
			   .why = why,
			   .why_size = size };
	int rc;

	load_memory_map(&ld);
	if (load_cmdline(&ld))
		return -EINVAL;
	if (ld.size >= 4 && memcmp(ld.file, elf_magic, 4) == 0)
		rc = load_pvh(&ld, entry);
	else if (load_is_bzimage(&ld))
		rc = load_bzimage(&ld, entry);
	else
		rc = load_fail(&ld, "its kernel is neither an ELF file nor a bzImage");
	return rc;
}
