/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text file that says what is loaded: GRUB's lines multiboot2 and module2, and nothing else of
 * GRUB's language, so that one file serves both.
 *
 *   # a comment
 *   multiboot2 /boot/pollux.elf net=twin
 *   module2 /boot/bzImage vm=dvm kind=dvm mem=256M -- 'console=ttyS0'
 *
 * Words are parted by blanks. What GRUB would change or run stands in single quotes, or behind a
 * backslash; where it does not, that is an error, so that both read the same.
 */
#ifndef BOOT_EFI_LINES_H
#define BOOT_EFI_LINES_H

#include "boot/multiboot2.h"

#define LINES_MAX  (1 + BOOT_MODULES)
#define LINES_PATH 200

struct load_line {
	unsigned int number;   /* in the file, from 1 on */
	char path[LINES_PATH]; /* begins with a slash */
	char words[BOOT_LINE]; /* what is left, with one blank between two words */
};

struct lines {
	struct load_line line[LINES_MAX]; /* the first is the hypervisor's */
	unsigned int count;
	unsigned int wrong; /* where lines_read() found a fault: number of the line ... */
	char why[200];      /* ... and what it is */
};

/* Reads size bytes of text. 0, or -EINVAL with `wrong` and `why` set. */
int lines_read(struct lines *l, const char *text, size_t size);

#endif
