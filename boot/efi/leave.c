/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ExitBootServices and what surrounds it. The firmware's map may change with each call of it, so
 * the last map is the one that the hypervisor gets (UEFI 2.9, 7.4.6).
 */
#include "boot/efi/leave.h"

#include "lib/string.h"

#define MAP_SIZE   KIB(64) /* of the firmware's descriptors: more than a thousand */
#define EXIT_TRIES 8

static struct {
	uint8_t *bytes;
	UINTN size, key, step; /* step: bytes of a descriptor */
} map;

static const EFI_MEMORY_DESCRIPTOR *descriptor(UINTN at)
{
	return (const void *)(map.bytes + at);
}

static void read_map(void)
{
	UINT32 version;

	map.size = MAP_SIZE;
	if (EFI_ERROR(firmware->GetMemoryMap(&map.size, (void *)map.bytes, &map.key, &map.step,
					     &version)) ||
	    map.step < sizeof(EFI_MEMORY_DESCRIPTOR) || map.step % 8)
		load_fail("the firmware gives no memory map (descriptors of %lu bytes)", map.step);
}

/* What is free once boot services are gone counts as RAM. */
static uint32_t type_of(const EFI_MEMORY_DESCRIPTOR *d)
{
	switch (d->Type) {
	case EfiLoaderCode:
	case EfiLoaderData:
	case EfiBootServicesCode:
	case EfiBootServicesData:
	case EfiConventionalMemory:
		return MB2_RAM;
	case EfiACPIReclaimMemory:
		return MB2_ACPI;
	case EfiACPIMemoryNVS:
		return MB2_NVS;
	case EfiUnusableMemory:
		return MB2_BAD;
	}
	return MB2_RESERVED;
}

static void write_ranges(struct info *info)
{
	info_forget_map(info);
	for (UINTN at = 0; at + map.step <= map.size; at += map.step) {
		const EFI_MEMORY_DESCRIPTOR *d = descriptor(at);

		info_range(info, d->PhysicalStart, d->NumberOfPages << PAGE_SHIFT, type_of(d));
	}
}

/* The firmware must not keep what the hypervisor is linked to. */
static void check_place(const struct elf_program *p, const char *what)
{
	if (p->end > LOADED_BOTTOM)
		load_fail("%s ends at %x: this loader puts it below %x", what, p->end,
			  LOADED_BOTTOM);
	for (UINTN at = 0; at + map.step <= map.size; at += map.step) {
		const EFI_MEMORY_DESCRIPTOR *d = descriptor(at);
		uint64_t end = d->PhysicalStart + (d->NumberOfPages << PAGE_SHIFT);

		if (type_of(d) != MB2_RAM && d->PhysicalStart < p->end && end > p->start)
			load_fail("%s is linked to %x-%x, of which the firmware keeps %lx-%lx",
				  what, p->start, p->end, (uint64_t)d->PhysicalStart, end);
	}
}

/* A block below 4 GiB: the code, what it is told, and its stack. */
static struct handover *make_block(const struct elf_program *p, const struct file *file,
				   const struct info *info)
{
	size_t code = handover_end - handover_start;
	uint8_t *block = firmware_pages(2 * PAGE_SIZE, EfiLoaderCode, "the way to the hypervisor");
	struct handover *h = (void *)(block + PAGE_SIZE);

	_Static_assert(HANDOVER_COPIES >= ELF_SEGMENTS, "each segment is copied");
	memcpy(block, handover_start, code);
	*h = (struct handover){ .count = p->count,
				.entry = p->entry,
				.info = (uint64_t)info->bytes,
				.stack = (uint64_t)block + 2 * PAGE_SIZE };
	for (unsigned int i = 0; i < p->count; i++) {
		const struct elf_segment *s = &p->segment[i];

		h->copy[i].to = s->to;
		h->copy[i].from = (uint64_t)file->data + s->offset;
		h->copy[i].bytes = s->bytes;
		h->copy[i].zeros = s->zeros;
	}
	return h;
}

void leave(const struct elf_program *program, const struct file *file, struct info *info,
	   const char *what)
{
	struct handover *h = make_block(program, file, info);
	handover_fn *go = (handover_fn *)((uint64_t)h - PAGE_SIZE);
	EFI_HANDLE image = firmware_image();

	map.bytes = firmware_pages(MAP_SIZE, EfiLoaderData, "the memory map");
	read_map();
	check_place(program, what);
	for (int i = 0; i < EXIT_TRIES; i++) {
		read_map();
		write_ranges(info);
		if (!info_end(info))
			load_fail("the lines of all files and the firmware's memory map (%lu "
				  "descriptors) are too long together",
				  map.size / map.step);
		if (!EFI_ERROR(firmware->ExitBootServices(image, map.key))) {
			go(h);
			__builtin_unreachable();
		}
	}
	load_fail("the firmware's memory map changes all the time");
}
