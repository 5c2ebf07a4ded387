/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tags, one behind the other. */
#include "boot/efi/info.h"

#include "lib/string.h"

/* A tag of so many bytes in all, its contents zero; NULL: no room. */
static void *add(struct info *i, uint32_t type, uint64_t size)
{
	struct mb2_tag *tag = (void *)(i->bytes + i->size);
	uint64_t room = ALIGN_UP(size, 8);

	if (room > INFO_SIZE - i->size) {
		i->full = true;
		return NULL;
	}
	memset(tag, 0, room);
	*tag = (struct mb2_tag){ type, size };
	i->size += room;
	return tag;
}

void info_begin(struct info *i, void *bytes)
{
	*i = (struct info){ .bytes = bytes, .size = MB2_HEAD_SIZE };
}

void info_words(struct info *i, const char *words)
{
	size_t n = strlen(words) + 1;
	struct mb2_tag *tag = add(i, MB2_TAG_CMDLINE, sizeof(*tag) + n);

	if (tag)
		memcpy(tag + 1, words, n);
}

void info_module(struct info *i, uint32_t start, uint32_t size, const char *words)
{
	size_t n = strlen(words) + 1;
	struct mb2_module *m = add(i, MB2_TAG_MODULE, sizeof(*m) + n);

	if (!m)
		return;
	m->start = start;
	m->end = start + size;
	memcpy(m->line, words, n);
}

void info_rsdp(struct info *i, const void *rsdp, uint32_t version)
{
	uint32_t n = version == 1 ? 20 : RSDP_MAX;
	struct mb2_tag *tag =
		add(i, version == 1 ? MB2_TAG_RSDP_1 : MB2_TAG_RSDP_2, sizeof(*tag) + n);

	if (tag)
		memcpy(tag + 1, rsdp, n);
}

void info_screen(struct info *i, const struct mb2_framebuffer *screen)
{
	uint32_t n = offsetof(struct mb2_framebuffer, fill);
	struct mb2_framebuffer *to = add(i, MB2_TAG_FRAMEBUFFER, n);

	if (!to)
		return;
	memcpy(to, screen, n);
	to->tag = (struct mb2_tag){ MB2_TAG_FRAMEBUFFER, n };
	to->type = MB2_FRAMEBUFFER_RGB;
}

static struct mb2_mmap_entry *last_range(struct info *i)
{
	return (void *)(i->bytes + i->size - sizeof(struct mb2_mmap_entry));
}

void info_range(struct info *i, uint64_t start, uint64_t size, uint32_t type)
{
	struct mb2_mmap_entry *last;

	if (!i->map) {
		i->map = add(i, MB2_TAG_MMAP, sizeof(*i->map));
		if (!i->map)
			return;
		i->map->entry_size = sizeof(*last);
	}
	last = last_range(i);
	if (i->map->tag.size > sizeof(*i->map) && last->type == type &&
	    last->addr + last->len == start) {
		last->len += size;
		return;
	}
	if (sizeof(*last) > INFO_SIZE - i->size) {
		i->full = true;
		return;
	}
	i->size += sizeof(*last);
	i->map->tag.size += sizeof(*last);
	*last_range(i) = (struct mb2_mmap_entry){ start, size, type, 0 };
}

void info_forget_map(struct info *i)
{
	if (i->map)
		i->size = (uint8_t *)i->map - i->bytes;
	i->map = NULL;
}

bool info_end(struct info *i)
{
	uint32_t size = i->size;

	add(i, MB2_TAG_END, sizeof(struct mb2_tag));
	((uint32_t *)i->bytes)[0] = i->size;
	((uint32_t *)i->bytes)[1] = 0;
	i->size = size; /* what is added now comes in place of the end */
	return !i->full;
}
