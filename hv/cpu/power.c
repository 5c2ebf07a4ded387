/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Switches the machine off and resets it. */
#include "cpu/power.h"

#include "cpu/firmware.h"
#include "cpu/pci.h"
#include "cpu/x86.h"
#include "mem/paging.h"

#define PORT_DELAY     0x80 /* a write takes about a microsecond: the clock may not run yet */
#define PORT_RESET     0xcf9
#define RESET_HARD     0x02
#define RESET_NOW      0x04
#define PORT_KEYBOARD  0x64
#define KEYBOARD_FULL  0x02
#define KEYBOARD_RESET 0xfe

#define PM1_SCI_EN   BIT(0)
#define PM1_TYPE_AT  10
#define PM1_TYPE     (7 << PM1_TYPE_AT)
#define PM1_SLEEP    BIT(13)
#define ACPI_ON_MS   3000
#define OFF_MS       1000
#define RESET_MS     100
#define KEYBOARD_TRY 1000

static volatile uint8_t *reset_in_memory; /* NULL: it is no memory */

static void wait_ms(unsigned int ms)
{
	for (unsigned int i = 0; i < ms * 1000; i++)
		outb(PORT_DELAY, 0);
}

void power_init(void)
{
	const struct firmware_register *r = &firmware.reset;

	if (r->space == SPACE_MEMORY)
		reset_in_memory = (uint8_t *)mmio_map(r->address & PAGE_MASK, PAGE_SIZE) +
				  r->address % PAGE_SIZE;
}

/* The firmware hands the ports over when it is told to. */
static void switch_acpi_on(void)
{
	if (!firmware.smi_command || (inw(firmware.pm1a_control) & PM1_SCI_EN))
		return;
	outb(firmware.smi_command, firmware.acpi_enable);
	for (unsigned int ms = 0; ms < ACPI_ON_MS; ms++) {
		if (inw(firmware.pm1a_control) & PM1_SCI_EN)
			return;
		wait_ms(1);
	}
}

/* The type first, then the same with the bit that makes it so. */
static void sleep_by(uint16_t port, uint8_t type)
{
	uint16_t val = (inw(port) & ~(PM1_TYPE | PM1_SLEEP)) | type << PM1_TYPE_AT;

	outw(port, val);
	outw(port, val | PM1_SLEEP);
}

void power_off(void)
{
	if (!firmware.has_s5)
		return;
	switch_acpi_on();
	sleep_by(firmware.pm1a_control, firmware.s5_type[0]);
	if (firmware.pm1b_control)
		sleep_by(firmware.pm1b_control, firmware.s5_type[1]);
	wait_ms(OFF_MS);
}

static void reset_by_firmware(void)
{
	const struct firmware_register *r = &firmware.reset;
	struct pci_addr addr = { .dev = r->address >> 32, .fn = r->address >> 16 };

	if (r->space == SPACE_IO)
		outb(r->address, firmware.reset_value);
	else if (r->space == SPACE_PCI)
		pci_cfg_write(addr, r->address & 0xff, 1, firmware.reset_value);
	else if (reset_in_memory)
		*reset_in_memory = firmware.reset_value;
	else
		return;
	wait_ms(RESET_MS);
}

void power_reset(void)
{
	reset_by_firmware();
	outb(PORT_RESET, RESET_HARD);
	outb(PORT_RESET, RESET_HARD | RESET_NOW);
	wait_ms(RESET_MS);
	for (unsigned int i = 0; i < KEYBOARD_TRY && (inb(PORT_KEYBOARD) & KEYBOARD_FULL); i++)
		outb(PORT_DELAY, 0);
	outb(PORT_KEYBOARD, KEYBOARD_RESET);
	wait_ms(RESET_MS);
	triple_fault();
}
