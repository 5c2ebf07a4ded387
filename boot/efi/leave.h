/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way out of the firmware. */
#ifndef BOOT_EFI_LEAVE_H
#define BOOT_EFI_LEAVE_H

#include "boot/efi/elf.h"
#include "boot/efi/firmware.h"
#include "boot/efi/info.h"

/*
 * Adds the memory map to the information, leaves boot services, puts the program of `file` where it
 * is linked to and starts it. what: the hypervisor's name, for messages.
 */
void __noreturn leave(const struct elf_program *program, const struct file *file, struct info *info,
		      const char *what);

#endif
