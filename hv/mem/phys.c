/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frame table and page allocator. */
#include "mem/phys.h"

#include "debug/log.h"
#include "debug/monitor.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mem/layout.h"
#include "mem/paging.h"

#define TABLE_FLOOR MIB(16) /* below it BIOS, image and boot loader have what they have */

static uint8_t *frame; /* one enum frame_owner (+ VM id) per 4 KiB frame */
static uint64_t frames;
static hpa_t alloc_floor = MIB(1);

/* Frames outside of the table, and those that are no RAM, stay what they are. */
static void set_range(hpa_t start, hpa_t end, unsigned int owner)
{
	for (uint64_t i = start >> PAGE_SHIFT; i < end >> PAGE_SHIFT && i < frames; i++)
		if (frame[i] != FRAME_NONE)
			frame[i] = owner;
}

/* The map is the firmware's: a range may end behind the last address. */
static hpa_t range_end(const struct boot_range *r)
{
	return r->size > ~0UL - r->start ? ~0UL : r->start + r->size;
}

static bool overlaps(hpa_t start, hpa_t end, hpa_t other, hpa_t other_end)
{
	return start < other_end && other < end;
}

/* The lowest start of what is in the way of [start, end); end: nothing is. */
static hpa_t obstacle(const struct boot_info *boot, hpa_t start, hpa_t end)
{
	hpa_t lowest = end;

	if (overlaps(start, end, HV_PHYS_START, image_end_hpa()))
		lowest = HV_PHYS_START;
	for (unsigned int i = 0; i < boot->ranges; i++) {
		const struct boot_range *r = &boot->range[i];

		if (r->type != RANGE_RAM && overlaps(start, end, r->start, range_end(r)))
			lowest = MIN(lowest, r->start);
	}
	for (unsigned int i = 0; i < boot->modules; i++) {
		const struct boot_module *m = &boot->module[i];

		if (overlaps(start, end, m->start, m->start + m->size))
			lowest = MIN(lowest, m->start);
	}
	return lowest;
}

/* The highest place in a range below 4 GiB, where the boot mapping reaches it; 0: none. */
static hpa_t place_in(const struct boot_info *boot, const struct boot_range *r, uint64_t size)
{
	hpa_t end = ALIGN_DOWN(MIN(range_end(r), GIB(4)), PAGE_SIZE);
	hpa_t floor = MAX(ALIGN_UP(r->start, PAGE_SIZE), TABLE_FLOOR);

	while (end > floor && end - floor >= size) {
		hpa_t in_the_way = obstacle(boot, end - size, end);

		if (in_the_way == end)
			return end - size;
		end = ALIGN_DOWN(in_the_way, PAGE_SIZE);
	}
	return 0;
}

/* The frame table itself lies as high below 4 GiB as it can. */
static hpa_t place_table(const struct boot_info *boot, uint64_t size)
{
	hpa_t best = 0;

	for (unsigned int i = 0; i < boot->ranges; i++)
		if (boot->range[i].type == RANGE_RAM)
			best = MAX(best, place_in(boot, &boot->range[i], size));
	if (!best)
		boot_fail("too little memory: no room for the frame table (%lu KiB)", size >> 10);
	return best;
}

static hpa_t top_of_ram(const struct boot_info *boot)
{
	hpa_t top = 0;

	for (unsigned int i = 0; i < boot->ranges; i++)
		if (boot->range[i].type == RANGE_RAM)
			top = MAX(top, range_end(&boot->range[i]));
	if (top > PAGING_RAM_MAX)
		log_warn("RAM above %lu GiB is left alone", PAGING_RAM_MAX >> 30);
	return ALIGN_DOWN(MIN(top, PAGING_RAM_MAX), PAGE_SIZE);
}

/* A frame is RAM if all of it is in a range of RAM, and nothing of it in one of another type. */
static void read_ranges(const struct boot_info *boot)
{
	hpa_t top = frames << PAGE_SHIFT;

	for (unsigned int i = 0; i < boot->ranges; i++) {
		const struct boot_range *r = &boot->range[i];
		hpa_t end = ALIGN_DOWN(MIN(range_end(r), top), PAGE_SIZE);

		if (r->type == RANGE_RAM && r->start < top)
			for (hpa_t a = ALIGN_UP(r->start, PAGE_SIZE); a < end; a += PAGE_SIZE)
				frame[a >> PAGE_SHIFT] = FRAME_FREE;
	}
	for (unsigned int i = 0; i < boot->ranges; i++) {
		const struct boot_range *r = &boot->range[i];

		if (r->type != RANGE_RAM && r->size)
			set_range(r->start & PAGE_MASK, ALIGN_UP(MIN(range_end(r), top), PAGE_SIZE),
				  FRAME_NONE);
	}
}

void phys_init(const struct boot_info *boot)
{
	hpa_t top = top_of_ram(boot), table;
	uint64_t table_size = ALIGN_UP(top >> PAGE_SHIFT, PAGE_SIZE);

	table = place_table(boot, table_size);
	frame = (uint8_t *)(uint64_t)table; /* identity-mapped until phys_use_direct_map() */
	memset(frame, FRAME_NONE, table_size);
	frames = top >> PAGE_SHIFT;
	read_ranges(boot);
	set_range(HV_PHYS_START, ALIGN_UP(image_end_hpa(), PAGE_SIZE), FRAME_HV);
	set_range(table, table + table_size, FRAME_HV);
	for (unsigned int i = 0; i < boot->modules; i++)
		set_range(boot->module[i].start & PAGE_MASK,
			  ALIGN_UP(boot->module[i].start + boot->module[i].size, PAGE_SIZE),
			  FRAME_BOOT);
}

void phys_use_direct_map(void)
{
	frame = hpa_to_hva((hpa_t)frame);
}

bool phys_is_ram(hpa_t hpa)
{
	return hpa >> PAGE_SHIFT < frames && frame[hpa >> PAGE_SHIFT] != FRAME_NONE;
}

bool phys_owned_by(hpa_t hpa, uint64_t len, unsigned int owner)
{
	uint64_t first = hpa >> PAGE_SHIFT, last = (hpa + len - 1) >> PAGE_SHIFT;

	if (len == 0 || hpa + len < hpa || last >= frames)
		return false;
	for (uint64_t i = first; i <= last; i++)
		if (frame[i] != owner)
			return false;
	return true;
}

uint64_t phys_run(hpa_t *start, hpa_t end, unsigned int owner)
{
	uint64_t i = *start >> PAGE_SHIFT, n = 0, last = MIN(end >> PAGE_SHIFT, frames);

	while (i < last && frame[i] != owner)
		i++;
	while (i + n < last && frame[i + n] == owner)
		n++;
	*start = i << PAGE_SHIFT;
	return n << PAGE_SHIFT;
}

hpa_t phys_top(void)
{
	return frames << PAGE_SHIFT;
}

uint64_t phys_ram_bytes(void)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < frames; i++)
		n += frame[i] != FRAME_NONE;
	return n << PAGE_SHIFT;
}

uint64_t phys_free_bytes(hpa_t above)
{
	uint64_t n = 0;

	for (uint64_t i = above >> PAGE_SHIFT; i < frames; i++)
		n += frame[i] == FRAME_FREE;
	return n << PAGE_SHIFT;
}

static uint64_t find_free(uint64_t pages, uint64_t align_pages)
{
	uint64_t at = frames >= pages ? ALIGN_DOWN(frames - pages, align_pages) : 0;

	while (at >= alloc_floor >> PAGE_SHIFT && at > 0) {
		uint64_t i = pages;

		while (i > 0 && frame[at + i - 1] == FRAME_FREE)
			i--;
		if (i == 0)
			return at;
		/* Frame at+i-1 is taken: the next candidate ends below it. */
		if (at + i - 1 < pages)
			return 0;
		at = ALIGN_DOWN(at + i - 1 - pages, align_pages);
	}
	return 0;
}

hpa_t phys_alloc(uint64_t len, uint64_t align, unsigned int owner)
{
	uint64_t pages = ALIGN_UP(len, PAGE_SIZE) >> PAGE_SHIFT;
	uint64_t at = pages ? find_free(pages, align >> PAGE_SHIFT) : 0;

	if (!at)
		return 0;
	memset(&frame[at], owner, pages);
	memset(hpa_to_hva(at << PAGE_SHIFT), 0, pages << PAGE_SHIFT);
	return at << PAGE_SHIFT;
}

void *phys_alloc_hv(uint64_t len)
{
	hpa_t hpa = phys_alloc(len, PAGE_SIZE, FRAME_HV);

	if (!hpa)
		boot_fail("too little memory: the hypervisor needs %lu KiB more", len >> 10);
	return hpa_to_hva(hpa);
}

void phys_set_owner(hpa_t hpa, uint64_t len, unsigned int owner)
{
	set_range(hpa & PAGE_MASK, ALIGN_UP(hpa + len, PAGE_SIZE), owner);
}

void phys_set_floor(hpa_t floor)
{
	alloc_floor = MAX(floor, MIB(1));
}

static int monitor_memory(int argc, char **argv)
{
	static const char *const names[FRAME_VM] = {
		[FRAME_FREE] = "free",
		[FRAME_HV] = "hypervisor",
		[FRAME_BOOT] = "boot modules",
	};
	uint64_t owned[UINT8_MAX + 1] = { 0 }, high[UINT8_MAX + 1] = { 0 };

	(void)argc;
	(void)argv;
	for (uint64_t i = 0; i < frames; i++) {
		owned[frame[i]]++;
		high[frame[i]] += i >= GIB(4) >> PAGE_SHIFT;
	}
	for (unsigned int o = FRAME_FREE; o <= UINT8_MAX; o++) {
		char name[16];

		if (o >= FRAME_VM && !owned[o])
			continue;
		if (o < FRAME_VM)
			strlcpy(name, names[o], sizeof(name));
		else
			snprintf(name, sizeof(name), "VM %u", o - FRAME_VM + 1);
		mon("%-12s %lu KiB, %lu KiB of it above 4 GiB", name, owned[o] << (PAGE_SHIFT - 10),
		    high[o] << (PAGE_SHIFT - 10));
	}
	return 0;
}
MONITOR("memory", "RAM by its owner", monitor_memory);
