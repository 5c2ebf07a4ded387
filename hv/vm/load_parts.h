/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the loaders only (load.c, load_pvh.c, load_bzimage.c). */
#ifndef HV_VM_LOAD_PARTS_H
#define HV_VM_LOAD_PARTS_H

#include "vm/load.h"

/* Low memory of a VM at its start; all of it is free for the kernel once it has read it. */
#define LOAD_START_INFO_GPA 0x1000UL
#define LOAD_CMDLINE_GPA    0x2000UL
#define LOAD_CMDLINE_SIZE   2048
#define LOAD_GDT_GPA        0x3000UL
#define LOAD_ZERO_PAGE_GPA  0x4000UL
#define LOAD_TABLES_GPA     0x10000UL /* 6 pages */

struct load_range {
	gpa_t start;
	uint64_t size;
	uint32_t type; /* E820: 1 RAM, 2 reserved */
};

struct load {
	struct vm *vm;
	const struct vm_config *cfg;
	const uint8_t *file;
	uint64_t size;
	gpa_t kernel_end; /* first gpa behind the kernel */
	gpa_t initrd;
	uint64_t initrd_size;
	struct load_range map[3 * VM_RAM_MAX + 1];
	unsigned int map_count;
	char *why;
	size_t why_size;
};

int load_fail(struct load *ld, const char *fmt, ...) __format(2, 3); /* -EINVAL */
int load_cmdline(struct load *ld);
int load_initrd(struct load *ld); /* kernel_end is set before */
void load_memory_map(struct load *ld);

int load_pvh(struct load *ld, struct vcpu_entry *entry);
bool load_is_bzimage(const struct load *ld);
int load_bzimage(struct load *ld, struct vcpu_entry *entry);

#endif
