/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * boot/efi/info.c: what our loader writes is what multiboot2_read() reads, as of any other loader.
 */
#include "machine.h"

#include "boot/efi/info.h"
#include "mem/paging.h"

#define INFO MIB(48)

static struct info i;
static struct boot_info boot;

static int begin(void **state)
{
	(void)state;
	memset(memory_at(INFO, INFO_SIZE + PAGE_SIZE), 0xa5, INFO_SIZE + PAGE_SIZE);
	memset(&boot, 0, sizeof(boot));
	info_begin(&i, (void *)INFO);
	return 0;
}

static void read(void)
{
	multiboot2_read(&boot, MB2_BOOT_MAGIC, INFO);
}

static void all_of_it_arrives(void **state)
{
	struct mb2_framebuffer screen = { .addr = 0x80000000,
					  .pitch = 4096,
					  .width = 1024,
					  .height = 768,
					  .bpp = 32,
					  .blue_size = 8 };

	(void)state;
	info_words(&i, "net=twin");
	info_module(&i, 0x2000000, 12345, "vm=dvm");
	info_module(&i, 0x3000000, 1, "");
	info_rsdp(&i, "aaaaaaaaaaaaaaaaaaaa", 1);
	info_rsdp(&i, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 2);
	info_screen(&i, &screen);
	info_range(&i, 0, 0xa0000, MB2_RAM);
	info_range(&i, MIB(1), MIB(1), MB2_NVS);
	assert_true(info_end(&i));
	read();
	assert_string_equal(boot.words, "net=twin");
	assert_int_equal(boot.modules, 2);
	assert_int_equal(boot.module[0].start, 0x2000000);
	assert_int_equal(boot.module[0].size, 12345);
	assert_string_equal(boot.module[0].line, "vm=dvm");
	assert_string_equal(boot.module[1].line, "");
	assert_int_equal(boot.rsdp_size, 36);
	assert_int_equal(boot.rsdp[35], 'b');
	assert_int_equal(boot.screen.pitch, 4096);
	assert_int_equal(boot.screen.blue.size, 8);
	assert_int_equal(boot.ranges, 2);
	assert_int_equal(boot.range[1].type, MB2_NVS);
}

/* Only of the same type, and without a gap. */
static void neighbours_become_one(void **state)
{
	(void)state;
	info_range(&i, 0, MIB(1), MB2_RAM);
	info_range(&i, MIB(1), MIB(1), MB2_RAM);
	info_range(&i, MIB(2), MIB(1), MB2_ACPI);
	info_range(&i, MIB(3), MIB(1), MB2_RAM);
	info_range(&i, MIB(5), MIB(1), MB2_RAM);
	assert_true(info_end(&i));
	read();
	assert_int_equal(boot.ranges, 4);
	assert_int_equal(boot.range[0].size, MIB(2));
	assert_int_equal(boot.range[3].start, MIB(5));
}

/* As the firmware's map is for each try; the first range must not join the tag before it. */
static void map_can_be_written_again(void **state)
{
	(void)state;
	info_words(&i, "");
	for (int n = 0; n < 3; n++) {
		info_forget_map(&i);
		for (int k = 0; k <= n; k++)
			info_range(&i, MIB(2 * k), MIB(1), MB2_RAM);
		assert_true(info_end(&i));
		memset(&boot, 0, sizeof(boot));
		read();
		assert_int_equal(boot.ranges, n + 1);
	}
}

/* As much as the hypervisor takes has room; more is told, and nothing is written behind the end. */
static void room(void **state)
{
	static char words[BOOT_LINE];

	(void)state;
	memset(words, 'w', BOOT_LINE - 1);
	info_words(&i, words);
	for (int n = 0; n < BOOT_MODULES; n++)
		info_module(&i, MIB(n + 16), 1, words);
	for (int n = 0; n < BOOT_RANGES; n++)
		info_range(&i, MIB(2 * n), MIB(1), MB2_RAM);
	assert_true(info_end(&i));
	read();
	assert_int_equal(boot.modules, BOOT_MODULES);
	assert_int_equal(boot.ranges, BOOT_RANGES);
	for (int n = 0; n < 5000; n++)
		info_range(&i, GIB(1) + MIB(2 * n), MIB(1), MB2_RAM);
	assert_false(info_end(&i));
	info_module(&i, MIB(16), 1, words);
	assert_false(info_end(&i));
	for (uint64_t n = 0; n < PAGE_SIZE; n++)
		assert_int_equal(((uint8_t *)INFO)[INFO_SIZE + n], 0xa5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_of_it_arrives, begin),
		cmocka_unit_test_setup(neighbours_become_one, begin),
		cmocka_unit_test_setup(map_can_be_written_again, begin),
		cmocka_unit_test_setup(room, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
