/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks the program headers of the hypervisor's file. */
#include "boot/efi/elf.h"

#include "lib/elf64.h"
#include "lib/string.h"

#define LOWEST MIB(1) /* below is the firmware's and BIOS's own */

static const char *add_segment(struct elf_program *p, const struct elf64_segment *h, uint64_t size)
{
	if (h->offset > size || h->filesz > size - h->offset)
		return "it is cut off: copy it again";
	if (p->count == ELF_SEGMENTS)
		return "it has too many segments";
	if (h->filesz > h->memsz || h->paddr < LOWEST || h->paddr > GIB(4) ||
	    h->memsz > GIB(4) - 1 - h->paddr)
		return "a segment lies where none can be";
	p->segment[p->count++] =
		(struct elf_segment){ h->paddr, h->filesz, h->memsz - h->filesz, h->offset };
	p->start = MIN(p->start, h->paddr);
	p->end = MAX(p->end, h->paddr + h->memsz);
	return NULL;
}

static bool has(const struct elf_program *p, uint64_t hpa)
{
	for (unsigned int i = 0; i < p->count; i++)
		if (hpa >= p->segment[i].to && hpa - p->segment[i].to < p->segment[i].bytes)
			return true;
	return false;
}

const char *elf_read(struct elf_program *p, const void *file, uint64_t size)
{
	struct elf64_header h;

	if (size < sizeof(h))
		return "it is cut off: copy it again";
	memcpy(&h, file, sizeof(h));
	if (memcmp(h.ident, "\177ELF\2\1", 6) || h.type != ET_EXEC || h.machine != EM_X86_64 ||
	    h.phentsize != sizeof(struct elf64_segment))
		return "it is no hypervisor (ELF executable for x86-64)";
	if (h.phoff > size || h.phnum * sizeof(struct elf64_segment) > size - h.phoff)
		return "it is cut off: copy it again";
	*p = (struct elf_program){ .start = ~0U };
	for (unsigned int i = 0; i < h.phnum; i++) {
		const char *why = NULL;
		struct elf64_segment s;

		memcpy(&s, (const uint8_t *)file + h.phoff + i * sizeof(s), sizeof(s));
		if (s.type == PT_LOAD && s.memsz)
			why = add_segment(p, &s, size);
		if (why)
			return why;
	}
	if (!has(p, h.entry))
		return "its first instruction is in none of its segments";
	p->entry = h.entry;
	return NULL;
}
