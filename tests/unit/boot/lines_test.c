/* SPDX-License-Identifier: GPL-2.0-or-later */
/* boot/efi/lines.c: reads GRUB's two commands as GRUB does, names the line of each fault. */
#include "machine.h"

#include <stdio.h>

#include "boot/efi/lines.h"
#include "lib/errno.h"

static struct lines l;

/* From memory that ends where the text does. */
static int read(const char *text, size_t size)
{
	char *copy = malloc(size + !size);
	int rc;

	memcpy(copy, text, size);
	rc = lines_read(&l, copy, size);
	free(copy);
	return rc;
}

static void reads(const char *text)
{
	if (read(text, strlen(text)))
		fail_msg("line %u: %s", l.wrong, l.why);
}

static void refuses(const char *text, unsigned int line, const char *why)
{
	assert_int_equal(read(text, strlen(text)), -EINVAL);
	assert_int_equal(l.wrong, line);
	if (!strstr(l.why, why))
		fail_msg("not '%s': %s", why, l.why);
}

static void lines_of_grub_are_read(void **state)
{
	(void)state;
	reads("# what is started\n"
	      "\n"
	      "multiboot2 /boot/0-pollux.elf 'net=twin'  'run=5'\r\n"
	      "\tmodule2 /boot/1-k 'vm=dvm' 'mem=256M' '--' 'a=$b' 'c;d' '{e}' # not this\n"
	      "module2 /boot/2-i initrd=dvm");
	assert_int_equal(l.count, 3);
	assert_string_equal(l.line[0].path, "/boot/0-pollux.elf");
	assert_string_equal(l.line[0].words, "net=twin run=5");
	assert_int_equal(l.line[0].number, 3);
	assert_string_equal(l.line[1].words, "vm=dvm mem=256M -- a=$b c;d {e}");
	assert_string_equal(l.line[2].path, "/boot/2-i");
	assert_string_equal(l.line[2].words, "initrd=dvm");
	assert_int_equal(l.line[2].number, 5);
}

static void quotes_are_grubs(void **state)
{
	(void)state;
	reads("multiboot2 /a 'it'\\''s' a\\ b\\$ 'x y'z q#r");
	assert_string_equal(l.line[0].words, "it's a b$ x yz q#r");
	reads("multiboot2 '/boot/a b' ''");
	assert_string_equal(l.line[0].path, "/boot/a b");
	assert_string_equal(l.line[0].words, "");
}

static void faults_are_named_with_their_line(void **state)
{
	(void)state;
	refuses("", 1, "no line multiboot2 /boot/FILE");
	refuses("# only this\n\n", 3, "no line multiboot2 /boot/FILE");
	refuses("module2 /a b", 1, "module2 comes behind the line multiboot2");
	refuses("multiboot2 /a\nmultiboot2 /b", 2, "only one line multiboot2");
	refuses("multiboot2 /a\n\nmodul2 /b x", 3,
		"unknown command 'modul2' (known: multiboot2, module2)");
	refuses("multiboot2", 1, "multiboot2 names no file");
	refuses("multiboot2 /a\nmodule2   ", 2, "module2 names no file");
	refuses("multiboot2 boot/a", 1, "'boot/a' must begin with a slash");
	refuses("multiboot2 (hd0)/a", 1, "'(hd0)/a' must begin with a slash");
	refuses("multiboot2 '/a", 1, "lacks its second quote");
	refuses("multiboot2 /a x\nmodule2 /b good 'bad\nmodule2 /c", 2, "lacks its second quote");
	refuses("multiboot2 /a x\\", 1, "the word behind 'x'");
}

/* GRUB would take each of these for something else. */
static void special_characters_need_quotes(void **state)
{
	static const char special[] = "\"$;&|<>{}";
	char text[] = "multiboot2 /a x=?y";

	(void)state;
	for (unsigned int i = 0; special[i]; i++) {
		text[16] = special[i];
		refuses(text, 1, "outside of single quotes");
	}
	assert_int_equal(read("multiboot2 /a x\0y", 17), -EINVAL);
}

static void too_much_is_refused(void **state)
{
	static char text[100 * (BOOT_LINE + 100)];
	size_t n;

	(void)state;
	n = sprintf(text, "multiboot2 /");
	memset(text + n, 'p', LINES_PATH);
	refuses(text, 1, "more than 199 characters");
	text[n + LINES_PATH - 2] = 0;
	reads(text);
	n = sprintf(text, "multiboot2 /a ");
	memset(text + n, 'w', BOOT_LINE);
	text[n + BOOT_LINE] = 0;
	refuses(text, 1, "too long");
	text[n + 500] = ' ';
	refuses(text, 1, "more than 1023 characters");
	text[n + BOOT_LINE - 2] = 0;
	reads(text);
	assert_int_equal(strlen(l.line[0].words), BOOT_LINE - 2);
	n = sprintf(text, "multiboot2 /a\n");
	for (int i = 0; i < BOOT_MODULES; i++)
		n += sprintf(text + n, "module2 /m%d\n", i);
	reads(text);
	assert_int_equal(l.count, LINES_MAX);
	sprintf(text + n, "module2 /more\n");
	refuses(text, BOOT_MODULES + 2, "more than 40 modules");
}

/* No text, whatever its bytes, is read beyond its end or written beyond an array's. */
static void any_bytes(void **state)
{
	static const char start[] = "multiboot2 /a b 'c' \\d\nmodule2 /e 'f'\\'g\n# h\r\n";
	char text[sizeof(start) - 1];
	uint32_t seed = 1;

	(void)state;
	for (int n = 0; n < 200000; n++) {
		memcpy(text, start, sizeof(text));
		for (int k = 0; k < 4; k++) {
			seed = seed * 1664525 + 1013904223;
			text[(seed >> 8) % sizeof(text)] =
				" '\\\n\r\t#/$a\xff"[seed >> 24 & 7] ^ (seed >> 20 & 3);
		}
		read(text, seed >> 12 & 1 ? sizeof(text) : (seed >> 16) % sizeof(text));
		assert_true(l.count <= 2 + sizeof(text) / 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_grub_are_read),
		cmocka_unit_test(quotes_are_grubs),
		cmocka_unit_test(faults_are_named_with_their_line),
		cmocka_unit_test(special_characters_need_quotes),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
