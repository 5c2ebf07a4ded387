/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The firmware's console, memory and files. */
#include "boot/efi/firmware.h"

#include <stdarg.h>

#include "lib/printf.h"
#include "lib/string.h"

#define LINE_MAX    400
#define PATH_MAX    256
#define PAGE_TRIES  16
#define END_WAIT_US 10000000 /* so that the last line can be read */

EFI_BOOT_SERVICES *firmware;
static EFI_SYSTEM_TABLE *system;
static EFI_HANDLE image;
static EFI_FILE_HANDLE volume; /* its root folder */

static void line(const char *lead, const char *fmt, va_list ap)
{
	char text[LINE_MAX];
	CHAR16 wide[LINE_MAX + 8];
	size_t n = strlcpy(text, lead, sizeof(text)), i;

	vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	for (i = 0; text[i]; i++)
		wide[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	wide[i++] = '\r';
	wide[i++] = '\n';
	wide[i] = 0;
	system->ConOut->OutputString(system->ConOut, wide);
}

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line("efi| ", fmt, ap);
	va_end(ap);
}

void load_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line("efi| [FAIL] ", fmt, ap);
	va_end(ap);
	firmware->Stall(END_WAIT_US);
	firmware->Exit(image, EFI_LOAD_ERROR, 0, NULL);
	for (;;)
		asm volatile("hlt"); /* Exit() does not return */
}

static void open_volume(void)
{
	EFI_GUID loaded_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
	EFI_GUID system_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
	EFI_LOADED_IMAGE *loaded;
	EFI_FILE_IO_INTERFACE *files;

	if (EFI_ERROR(firmware->HandleProtocol(image, &loaded_guid, (void **)&loaded)) ||
	    EFI_ERROR(firmware->HandleProtocol(loaded->DeviceHandle, &system_guid,
					       (void **)&files)) ||
	    EFI_ERROR(files->OpenVolume(files, &volume)))
		load_fail(
			"the loader's own volume cannot be read: start it from a FAT file system, "
			"not from a network");
}

void firmware_begin(EFI_HANDLE handle, EFI_SYSTEM_TABLE *table)
{
	image = handle;
	system = table;
	firmware = table->BootServices;
	firmware->SetWatchdogTimer(0, 0, 0, NULL); /* it would end a long read after 5 minutes */
	open_volume();
}

EFI_HANDLE firmware_image(void)
{
	return image;
}

/* Some firmware gives low memory first: what is too low stays taken, and the next is higher. */
void *firmware_pages(uint64_t size, EFI_MEMORY_TYPE type, const char *what)
{
	uint64_t pages = ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT;

	for (int i = 0; i < PAGE_TRIES; i++) {
		EFI_PHYSICAL_ADDRESS at = GIB(4) - 1;

		if (EFI_ERROR(firmware->AllocatePages(AllocateMaxAddress, type, pages, &at)))
			break;
		if (at >= LOADED_BOTTOM)
			return (void *)at;
	}
	load_fail("too little memory: no %lu KiB between 16 MiB and 4 GiB for %s", size >> 10,
		  what);
}

static EFI_FILE_HANDLE open_file(const char *path, const char *who)
{
	CHAR16 wide[PATH_MAX];
	EFI_FILE_HANDLE f;
	size_t n = strnlen(path, PATH_MAX - 1);

	for (size_t i = 0; i < n; i++)
		wide[i] = path[i] == '/' ? '\\' : (uint8_t)path[i];
	wide[n] = 0;
	if (EFI_ERROR(volume->Open(volume, &f, wide, EFI_FILE_MODE_READ, 0)))
		load_fail(
			"%s: %s is not on the loader's volume: copy it there, or take the line out",
			who, path);
	return f;
}

static uint64_t size_of(EFI_FILE_HANDLE f, const char *path, const char *who)
{
	EFI_GUID guid = EFI_FILE_INFO_ID;
	uint64_t space[(sizeof(EFI_FILE_INFO) + PATH_MAX * sizeof(CHAR16)) / 8 + 1];
	EFI_FILE_INFO *info = (void *)space;
	UINTN size = sizeof(space);

	if (EFI_ERROR(f->GetInfo(f, &guid, &size, info)))
		load_fail("%s: the size of %s cannot be read: check the file system", who, path);
	if (info->Attribute & EFI_FILE_DIRECTORY)
		load_fail("%s: %s is a folder: name a file", who, path);
	if (!info->FileSize || info->FileSize >= GIB(4) - LOADED_BOTTOM)
		load_fail("%s: %s has %lu bytes: copy it again", who, path,
			  (uint64_t)info->FileSize);
	return info->FileSize;
}

struct file firmware_read(const char *path, const char *who)
{
	EFI_FILE_HANDLE f = open_file(path, who);
	uint64_t size = size_of(f, path, who), done = 0;
	uint8_t *data = firmware_pages(size, EfiLoaderData, path);

	while (done < size) {
		UINTN n = size - done;

		if (EFI_ERROR(f->Read(f, &n, data + done)) || n == 0 || n > size - done)
			load_fail("%s: %s ends behind %lu of %lu bytes: copy it again, check its "
				  "file system",
				  who, path, done, size);
		done += n;
	}
	f->Close(f);
	return (struct file){ data, size };
}
