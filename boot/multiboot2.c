/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies the Multiboot2 boot information out of the loader's memory. */
#include "boot/multiboot2.h"

#include "debug/log.h"
#include "lib/string.h"

static void copy_line(char *dst, const char *src, uint32_t max, const char *what)
{
	if (strnlen(src, max) == max || strlcpy(dst, src, BOOT_LINE) >= BOOT_LINE)
		boot_fail("%s is longer than %d characters", what, BOOT_LINE - 1);
}

static void read_module(struct boot_info *boot, const struct mb2_module *m)
{
	struct boot_module *out = &boot->module[boot->modules];

	if (boot->modules == BOOT_MODULES)
		boot_fail("more than %d boot modules", BOOT_MODULES);
	if (m->end < m->start)
		boot_fail("boot module %u ends before it starts", boot->modules);
	out->start = m->start;
	out->size = m->end - m->start;
	copy_line(out->line, m->line, m->tag.size - sizeof(*m), "a module's command line");
	boot->modules++;
}

static void read_mmap(struct boot_info *boot, const struct mb2_mmap *map)
{
	const char *at = (const char *)(map + 1), *end = (const char *)map + map->tag.size;

	/* 3.6.8: a multiple of 8, so that entries are aligned. */
	if (map->entry_size < sizeof(struct mb2_mmap_entry) || map->entry_size % 8)
		boot_fail("memory map entries of %u bytes", map->entry_size);
	for (; at + sizeof(struct mb2_mmap_entry) <= end; at += map->entry_size) {
		const struct mb2_mmap_entry *e = (const void *)at;

		if (boot->ranges == BOOT_RANGES)
			boot_fail("more than %d memory ranges", BOOT_RANGES);
		boot->range[boot->ranges++] = (struct boot_range){ e->addr, e->len, e->type };
	}
}

/* The newer root pointer wins: it has all that the older one has. */
static void read_rsdp(struct boot_info *boot, const struct mb2_tag *tag)
{
	uint32_t size = MIN(tag->size - sizeof(*tag), RSDP_MAX);

	if (size < boot->rsdp_size)
		return;
	memcpy(boot->rsdp, tag + 1, size);
	boot->rsdp_size = size;
}

static void read_framebuffer(struct boot_info *boot, const struct mb2_framebuffer *f)
{
	if (f->type != MB2_FRAMEBUFFER_RGB)
		return;
	boot->screen = (struct boot_framebuffer){ .addr = f->addr,
						  .pitch = f->pitch,
						  .width = f->width,
						  .height = f->height,
						  .bpp = f->bpp,
						  .red = { f->red_pos, f->red_size },
						  .green = { f->green_pos, f->green_size },
						  .blue = { f->blue_pos, f->blue_size } };
}

static void read_tag(struct boot_info *boot, const struct mb2_tag *tag)
{
	const char *data = (const char *)(tag + 1);

	switch (tag->type) {
	case MB2_TAG_CMDLINE:
		copy_line(boot->words, data, tag->size - sizeof(*tag),
			  "the hypervisor's command line");
		break;
	case MB2_TAG_MODULE:
		if (tag->size > sizeof(struct mb2_module))
			read_module(boot, (const void *)tag);
		break;
	case MB2_TAG_MMAP:
		if (tag->size > sizeof(struct mb2_mmap))
			read_mmap(boot, (const void *)tag);
		break;
	case MB2_TAG_FRAMEBUFFER:
		if (tag->size >= offsetof(struct mb2_framebuffer, fill))
			read_framebuffer(boot, (const void *)tag);
		break;
	case MB2_TAG_RSDP_1:
	case MB2_TAG_RSDP_2:
		read_rsdp(boot, tag);
		break;
	}
}

void multiboot2_read(struct boot_info *boot, uint32_t magic, uint32_t info)
{
	const uint32_t *head = (const void *)(uint64_t)info;
	const char *at = (const char *)(head + 2), *end = (const char *)head + head[0];

	if (magic != MB2_BOOT_MAGIC)
		boot_fail("not started by a Multiboot2 loader (magic %x)", magic);
	while (at + sizeof(struct mb2_tag) <= end) {
		const struct mb2_tag *tag = (const void *)at;

		if (tag->type == MB2_TAG_END)
			break;
		if (tag->size < sizeof(*tag) || tag->size > (uint64_t)(end - at))
			boot_fail("broken boot information (tag %u, size %u)", tag->type,
				  tag->size);
		read_tag(boot, tag);
		at += ALIGN_UP(tag->size, 8);
	}
	if (boot->ranges == 0)
		boot_fail("the boot loader gave no memory map");
}
