/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pollux's loader for UEFI, for machines without GRUB: reads CONFIG of the volume that it was
 * started from, loads what its lines name, and hands over as a Multiboot2 loader does, so that the
 * hypervisor has one entry. It is not signed: UEFI Secure Boot is not supported.
 */
#include "boot/efi/elf.h"
#include "boot/efi/firmware.h"
#include "boot/efi/info.h"
#include "boot/efi/leave.h"
#include "boot/efi/lines.h"
#include "lib/printf.h"
#include "lib/string.h"

#define CONFIG     "/boot/pollux.cfg"
#define CONFIG_MAX KIB(64)

static struct lines lines;
static struct info info;
static struct elf_program program;

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

/* Whoever started this in spite of it would next start files that nobody has checked. */
static void refuse_secure_boot(EFI_SYSTEM_TABLE *system)
{
	EFI_GUID guid = EFI_GLOBAL_VARIABLE;
	UINT8 on = 0;
	UINTN size = sizeof(on);
	EFI_STATUS rc =
		system->RuntimeServices->GetVariable(L"SecureBoot", &guid, NULL, &size, &on);

	if (!EFI_ERROR(rc) && on)
		load_fail("UEFI Secure Boot is on, which Pollux does not support: switch it off in "
			  "the firmware's settings");
}

static void read_lines(void)
{
	struct file f = firmware_read(CONFIG, "the loader");

	if (f.size > CONFIG_MAX)
		load_fail("%s has %u bytes: a text of %lu KiB at most is expected", CONFIG, f.size,
			  CONFIG_MAX >> 10);
	if (lines_read(&lines, (const char *)f.data, f.size))
		load_fail("%s line %u: %s", CONFIG, lines.wrong, lines.why);
}

static struct file load(const struct load_line *l)
{
	struct file f;
	char who[40];

	snprintf(who, sizeof(who), "%s line %u", CONFIG, l->number);
	f = firmware_read(l->path, who);
	say("%s: %u bytes", l->path, f.size);
	return f;
}

static struct file load_hypervisor(void)
{
	const struct load_line *l = &lines.line[0];
	struct file f = load(l);
	const char *why = elf_read(&program, f.data, f.size);

	if (why)
		load_fail("%s line %u: %s: %s", CONFIG, l->number, l->path, why);
	info_words(&info, l->words);
	return f;
}

static void load_modules(void)
{
	for (unsigned int i = 1; i < lines.count; i++) {
		struct file f = load(&lines.line[i]);

		info_module(&info, (uint64_t)f.data, f.size, lines.line[i].words);
	}
}

/* Both versions of ACPI's root pointer, where the firmware has them. */
static void find_acpi(const EFI_SYSTEM_TABLE *system)
{
	static const EFI_GUID guid[2] = { ACPI_TABLE_GUID, ACPI_20_TABLE_GUID };

	for (UINTN i = 0; i < system->NumberOfTableEntries; i++) {
		const EFI_CONFIGURATION_TABLE *t = &system->ConfigurationTable[i];

		for (unsigned int version = 1; version <= 2; version++)
			if (!memcmp(&t->VendorGuid, &guid[version - 1], sizeof(*guid)))
				info_rsdp(&info, t->VendorTable, version);
	}
}

static void mask_to_bits(uint32_t mask, uint8_t *pos, uint8_t *size)
{
	*pos = mask ? __builtin_ctz(mask) : 0;
	*size = mask ? 32 - __builtin_clz(mask) - *pos : 0;
}

static void find_screen(void)
{
	static const EFI_PIXEL_BITMASK rgb = { 0xff, 0xff00, 0xff0000, 0 };
	static const EFI_PIXEL_BITMASK bgr = { 0xff0000, 0xff00, 0xff, 0 };
	EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
	EFI_GRAPHICS_OUTPUT_PROTOCOL *gop;
	const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode;
	EFI_PIXEL_BITMASK mask;
	struct mb2_framebuffer s = { .bpp = 32 };

	if (EFI_ERROR(firmware->LocateProtocol(&guid, NULL, (void **)&gop)) || !gop->Mode)
		return;
	mode = gop->Mode->Info;
	if (mode->PixelFormat == PixelRedGreenBlueReserved8BitPerColor)
		mask = rgb;
	else if (mode->PixelFormat == PixelBlueGreenRedReserved8BitPerColor)
		mask = bgr;
	else if (mode->PixelFormat == PixelBitMask)
		mask = mode->PixelInformation;
	else
		return; /* it can be drawn on by the firmware alone */
	s.addr = gop->Mode->FrameBufferBase;
	s.pitch = mode->PixelsPerScanLine * 4;
	s.width = mode->HorizontalResolution;
	s.height = mode->VerticalResolution;
	mask_to_bits(mask.RedMask, &s.red_pos, &s.red_size);
	mask_to_bits(mask.GreenMask, &s.green_pos, &s.green_size);
	mask_to_bits(mask.BlueMask, &s.blue_pos, &s.blue_size);
	info_screen(&info, &s);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	struct file hypervisor;

	firmware_begin(image, system);
	say("Pollux's loader for UEFI");
	refuse_secure_boot(system);
	read_lines();
	info_begin(&info, firmware_pages(INFO_SIZE, EfiLoaderData, "the boot information"));
	hypervisor = load_hypervisor();
	load_modules();
	find_acpi(system);
	find_screen();
	leave(&program, &hypervisor, &info, lines.line[0].path);
}
