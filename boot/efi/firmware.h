/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the loader asks of the UEFI firmware, as long as it is there: lines on its console, files of
 * the volume that the loader came from, memory. What fails ends the loader with a line that says
 * what to do; the firmware then goes on with its next boot option. Source: UEFI specification 2.9.
 */
#ifndef BOOT_EFI_FIRMWARE_H
#define BOOT_EFI_FIRMWARE_H

#include <efi.h>

#include "boot/efi/handover_abi.h"
#include "lib/types.h"

extern EFI_BOOT_SERVICES *firmware;

struct file {
	uint8_t *data; /* below 4 GiB and above LOADED_BOTTOM, in pages of its own */
	uint32_t size;
};

void firmware_begin(EFI_HANDLE image, EFI_SYSTEM_TABLE *table);
EFI_HANDLE firmware_image(void); /* the loader itself */

void say(const char *fmt, ...) __format(1, 2); /* one line */
void __noreturn load_fail(const char *fmt, ...) __format(1, 2);

/* Pages between LOADED_BOTTOM and 4 GiB. what: for the message, if there are none. */
void *firmware_pages(uint64_t size, EFI_MEMORY_TYPE type, const char *what);

/*
 * All of a file, by its name with slashes, as it is now. who: what names it, for messages. An
 * empty file is an error.
 */
struct file firmware_read(const char *path, const char *who);

#endif
