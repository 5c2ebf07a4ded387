/* SPDX-License-Identifier: GPL-2.0-or-later */
/* boot/efi/elf.c: the hypervisor's file, whole, cut off, and wrong in each field. */
#include "machine.h"

#include <elf.h>

#include "boot/efi/elf.h"

#define SIZE 0x3000

static uint8_t *file;
static struct elf_program p;

static Elf64_Ehdr *head(void)
{
	return (void *)file;
}

static Elf64_Phdr *segment(unsigned int i)
{
	return (Elf64_Phdr *)(file + sizeof(Elf64_Ehdr)) + i;
}

static int begin(void **state)
{
	(void)state;
	free(file);
	file = calloc(1, SIZE);
	memcpy(head()->e_ident, ELFMAG "\2\1\1", 7);
	head()->e_type = ET_EXEC;
	head()->e_machine = EM_X86_64;
	head()->e_entry = 0x200020;
	head()->e_phoff = sizeof(Elf64_Ehdr);
	head()->e_phentsize = sizeof(Elf64_Phdr);
	head()->e_phnum = 3;
	*segment(0) = (Elf64_Phdr){ .p_type = PT_LOAD,
				    .p_offset = 0x1000,
				    .p_filesz = 0x100,
				    .p_memsz = 0x100,
				    .p_paddr = 0x200000 };
	*segment(1) = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = ~0UL, .p_filesz = ~0UL };
	*segment(2) = (Elf64_Phdr){ .p_type = PT_LOAD,
				    .p_offset = 0x2000,
				    .p_filesz = 0x1000,
				    .p_memsz = 0x5000,
				    .p_paddr = 0x201000,
				    .p_vaddr = 2UL << 40 };
	return 0;
}

static void refuses(uint64_t size, const char *text)
{
	uint8_t *cut = malloc(size + !size);
	const char *why;

	memcpy(cut, file, size);
	why = elf_read(&p, cut, size);
	free(cut);
	if (!why || !strstr(why, text))
		fail_msg("not '%s': %s", text, why ? why : "taken");
	begin(NULL);
}

static void segments_are_taken(void **state)
{
	(void)state;
	assert_null(elf_read(&p, file, SIZE));
	assert_int_equal(p.count, 2);
	assert_int_equal(p.entry, 0x200020);
	assert_int_equal(p.start, 0x200000);
	assert_int_equal(p.end, 0x206000);
	assert_int_equal(p.segment[1].to, 0x201000);
	assert_int_equal(p.segment[1].offset, 0x2000);
	assert_int_equal(p.segment[1].bytes, 0x1000);
	assert_int_equal(p.segment[1].zeros, 0x4000);
}

static void cut_off_anywhere(void **state)
{
	(void)state;
	for (uint64_t size = 0; size < SIZE; size += size < 0x200 ? 1 : 0xff)
		refuses(size, "cut off");
	refuses(SIZE - 1, "cut off");
}

static void other_files(void **state)
{
	(void)state;
	head()->e_ident[4] = 1;
	refuses(SIZE, "no hypervisor");
	head()->e_machine = EM_386;
	refuses(SIZE, "no hypervisor");
	head()->e_type = ET_DYN;
	refuses(SIZE, "no hypervisor");
	head()->e_phentsize = 32;
	refuses(SIZE, "no hypervisor");
	file[0] = 'M';
	refuses(SIZE, "no hypervisor");
}

static void wrong_fields(void **state)
{
	(void)state;
	head()->e_phoff = ~0UL;
	refuses(SIZE, "cut off");
	head()->e_phnum = 0xffff;
	refuses(SIZE, "cut off");
	segment(0)->p_offset = ~0UL;
	refuses(SIZE, "cut off");
	segment(0)->p_filesz = ~0UL;
	refuses(SIZE, "cut off");
	segment(2)->p_memsz = 0xfff;
	refuses(SIZE, "lies where none can be");
	segment(2)->p_memsz = ~0UL;
	refuses(SIZE, "lies where none can be");
	segment(2)->p_paddr = 0xfffff;
	refuses(SIZE, "lies where none can be");
	segment(2)->p_paddr = 0xffffc000;
	refuses(SIZE, "lies where none can be");
	segment(2)->p_paddr = 1UL << 40;
	refuses(SIZE, "lies where none can be");
	head()->e_entry = 0x201fff + 1;
	refuses(SIZE, "in none of its segments"); /* among the zeros */
	head()->e_entry = ~0UL;
	refuses(SIZE, "in none of its segments");
	head()->e_phnum = 0;
	refuses(SIZE, "in none of its segments");
	head()->e_phnum = ELF_SEGMENTS + 1;
	for (unsigned int i = 1; i <= ELF_SEGMENTS; i++)
		*segment(i) = *segment(0);
	refuses(SIZE, "too many segments");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(segments_are_taken, begin),
		cmocka_unit_test_setup(cut_off_anywhere, begin),
		cmocka_unit_test_setup(other_files, begin),
		cmocka_unit_test_setup(wrong_fields, begin),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	free(file);
	return rc;
}
