/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * boot/multiboot2.c: what the loader says of ACPI, the screen and memory arrives; no tag is read
 * too far.
 */
#include "machine.h"

#include "mem/paging.h"
#include "mem/phys.h"

#define INFO MIB(48) /* below 4 GiB, as the loader's address has 32 bits */

static struct boot_info boot;
static uint32_t at;

static int begin(void **state)
{
	(void)state;
	memory_at(INFO, PAGE_SIZE * 4);
	memset(&boot, 0, sizeof(boot));
	at = MB2_HEAD_SIZE;
	return 0;
}

static void *tag(uint32_t type, uint32_t size)
{
	struct mb2_tag *t = (void *)(INFO + at);

	*t = (struct mb2_tag){ type, size };
	at += ALIGN_UP(size, 8);
	return t + 1;
}

static void read(void)
{
	tag(MB2_TAG_END, 8);
	*(uint32_t *)INFO = at;
	multiboot2_read(&boot, MB2_BOOT_MAGIC, INFO);
}

static void ranges(unsigned int count)
{
	uint32_t *head = tag(MB2_TAG_MMAP, 16 + count * sizeof(struct mb2_mmap_entry));
	struct mb2_mmap_entry *e = (void *)(head + 2);

	head[0] = sizeof(*e);
	for (unsigned int i = 0; i < count; i++)
		e[i] = (struct mb2_mmap_entry){ MIB(i), MIB(1), 1 + i % 2, 0 };
}

static void root_pointer_is_copied(void **state)
{
	(void)state;
	ranges(1);
	memset(tag(MB2_TAG_RSDP_1, 8 + 20), 'a', 20);
	read();
	assert_int_equal(boot.rsdp_size, 20);
	assert_memory_equal(boot.rsdp, "aaaaaaaaaaaaaaaaaaaa", 21);
}

/* In either order, and a longer one is cut. */
static void newer_root_pointer_wins(void **state)
{
	for (int order = 0; order < 2; order++) {
		begin(state);
		ranges(1);
		for (int i = 0; i < 2; i++)
			if (i == order)
				memset(tag(MB2_TAG_RSDP_2, 8 + 80), 'b', 80);
			else
				memset(tag(MB2_TAG_RSDP_1, 8 + 20), 'a', 20);
		read();
		assert_int_equal(boot.rsdp_size, RSDP_MAX);
		assert_int_equal(boot.rsdp[0], 'b');
	}
}

static void screen_is_copied(void **state)
{
	struct mb2_framebuffer f = { .addr = 0x80000000,
				     .pitch = 5120,
				     .width = 1280,
				     .height = 800,
				     .bpp = 32,
				     .type = MB2_FRAMEBUFFER_RGB,
				     .red_pos = 16,
				     .red_size = 8 };

	(void)state;
	ranges(1);
	memcpy(tag(MB2_TAG_FRAMEBUFFER, 38), &f.addr, 30);
	read();
	assert_int_equal(boot.screen.addr, 0x80000000);
	assert_int_equal(boot.screen.width, 1280);
	assert_int_equal(boot.screen.pitch, 5120);
	assert_int_equal(boot.screen.bpp, 32);
	assert_int_equal(boot.screen.red.pos, 16);
}

/* Text mode has no pixels; a tag that is cut off has no colours. */
static void other_screens_are_none(void **state)
{
	struct mb2_framebuffer f = { .addr = 0xb8000, .width = 80, .height = 25, .type = 2 };

	(void)state;
	ranges(1);
	memcpy(tag(MB2_TAG_FRAMEBUFFER, 38), &f.addr, 30);
	f.type = MB2_FRAMEBUFFER_RGB;
	memcpy(tag(MB2_TAG_FRAMEBUFFER, 37), &f.addr, 29);
	read();
	assert_int_equal(boot.screen.width, 0);
}

static void map_is_bounded(void **state)
{
	(void)state;
	ranges(BOOT_RANGES);
	read();
	assert_int_equal(boot.ranges, BOOT_RANGES);
	assert_int_equal(boot.range[BOOT_RANGES - 1].start, MIB(BOOT_RANGES - 1));
	begin(state);
	ranges(BOOT_RANGES + 1);
	assert_boot_fails(read(), "more than 256 memory ranges");
	begin(state);
	assert_boot_fails(read(), "gave no memory map");
	begin(state);
	ranges(1);
	*(uint32_t *)(INFO + MB2_HEAD_SIZE + 8) = 20;
	assert_boot_fails(read(), "entries of 20 bytes");
}

static void broken_tags_end_the_boot(void **state)
{
	(void)state;
	ranges(1);
	tag(MB2_TAG_RSDP_2, 7);
	assert_boot_fails(read(), "tag 15, size 7");
	begin(state);
	ranges(1);
	tag(MB2_TAG_RSDP_2, 16);
	*(uint32_t *)(INFO + at - 12) = 3 * PAGE_SIZE;
	assert_boot_fails(read(), "tag 15, size 12288");
	assert_boot_fails(multiboot2_read(&boot, 0x2badb002, INFO), "magic 2badb002");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(root_pointer_is_copied, begin),
		cmocka_unit_test_setup(newer_root_pointer_wins, begin),
		cmocka_unit_test_setup(screen_is_copied, begin),
		cmocka_unit_test_setup(other_screens_are_none, begin),
		cmocka_unit_test_setup(map_is_bounded, begin),
		cmocka_unit_test_setup(broken_tags_end_the_boot, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
