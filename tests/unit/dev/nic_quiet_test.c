/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Quiet network cards: an 8254x with registers in memory, a PCI Express card with and without
 * function reset, each obeying or not. The card acts while the code waits (tsc_now()).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "cpu/ioapic.h"
#include "cpu/timer.h"
#include "debug/log.h"
#include "dev/nic_quiet.h"
#include "dev/vpci_pass.h"
#include "lib/errno.h"
#include "mem/paging.h"

#define PIN       11
#define CAP       0x40
#define FIRMWARE  0xfebc0000U
#define CTRL_RST  0x04000000U
#define FLR       0x8000U
#define FLR_ABLE  0x10000000U
#define RTE_MASK  0x10000U
#define INTX_OFF  0x400U
#define REG(off)  ((off) / 4)
#define REGISTERS (0x20000 / 4)

uint64_t tsc_khz = 1000;

static uint64_t now;
static uint8_t cfg[256];
static uint32_t regs[REGISTERS];
static uint32_t rte;
static bool obeys, open_when_reset, master_when_reset;
static unsigned int resets, warnings, maps;
static struct vpci_pass nic;

static uint32_t cfg_get(unsigned int off, unsigned int size)
{
	uint32_t val = 0;

	memcpy(&val, cfg + off, size);
	return val;
}

static void cfg_set(unsigned int off, unsigned int size, uint32_t val)
{
	memcpy(cfg + off, &val, size);
}

/* What a reset finds, and does if the card obeys. */
static void reset_card(void)
{
	open_when_reset = !(rte & RTE_MASK);
	master_when_reset = cfg_get(PCI_COMMAND, 2) & PCI_COMMAND_MASTER;
	resets++;
}

uint64_t tsc_now(void)
{
	if (obeys && regs[REG(0)] & CTRL_RST) {
		reset_card();
		memset(regs, 0, sizeof(regs));
	}
	if (obeys && cfg_get(CAP + 8, 2) & FLR) {
		reset_card();
		cfg_set(CAP + 8, 2, 0);
		cfg_set(PCI_COMMAND, 2, 0);
		memset(cfg + PCI_BAR0, 0, 24);
		cfg[PCI_INT_LINE] = 0;
	}
	return now += 100;
}

uint32_t pci_cfg_read(struct pci_addr addr, unsigned int off, unsigned int size)
{
	(void)addr;
	return cfg_get(off, size);
}

void pci_cfg_write(struct pci_addr addr, unsigned int off, unsigned int size, uint32_t val)
{
	(void)addr;
	cfg_set(off, size, val);
}

void ioapic_mask(unsigned int pin)
{
	assert_int_equal(pin, PIN);
	rte |= RTE_MASK;
}

uint32_t ioapic_rte(unsigned int pin)
{
	assert_int_equal(pin, PIN);
	return rte;
}

void *mmio_map(hpa_t hpa, uint64_t len)
{
	assert_int_equal(hpa, FIRMWARE);
	assert_true(len <= sizeof(regs));
	maps++;
	return regs;
}

void log_info(const char *fmt, ...)
{
	(void)fmt;
}

void log_warn(const char *fmt, ...)
{
	(void)fmt;
	warnings++;
}

static void make_card(uint16_t device)
{
	memset(cfg, 0, sizeof(cfg));
	memset(regs, 0, sizeof(regs));
	rte = 0;
	obeys = true;
	resets = warnings = 0;
	nic = (struct vpci_pass){ .vendor = 0x8086, .device = device, .pin = PIN };
	nic.bar[0] = (struct vpci_pass_bar){ .base = FIRMWARE, .size = 0x20000 };
	nic.bar_real[0] = FIRMWARE;
	cfg_set(PCI_ID, 4, 0x8086 | (uint32_t)device << 16);
	cfg_set(PCI_COMMAND, 2,
		PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | INTX_OFF);
	cfg_set(PCI_BAR0, 4, FIRMWARE);
	cfg[PCI_INT_LINE] = PIN;
	maps = 0;
	nic_quiet_prepare(&nic);
}

/* As the driver leaves it: receiver, transmitter and interrupts on. */
static void make_e1000(void)
{
	make_card(0x100e);
	regs[REG(0x100)] = regs[REG(0x400)] = 2;
	regs[REG(0xd0)] = 0x9d;
}

static void make_express(uint32_t abilities)
{
	make_card(0x1521);
	cfg_set(PCI_STATUS, 2, PCI_STATUS_CAPS);
	cfg[PCI_CAP_POINTER] = CAP;
	cfg[CAP] = 0x10;
	cfg_set(CAP + 4, 4, abilities);
}

static void expect_quiet(void)
{
	assert_int_equal(resets, 1);
	assert_false(open_when_reset);
	assert_false(master_when_reset); /* it could have written what the reset found under way */
	assert_true(rte & RTE_MASK);
	assert_int_equal(cfg_get(PCI_COMMAND, 2), PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	assert_int_equal(warnings, 0);
}

static void test_e1000(void **state)
{
	(void)state;
	make_e1000();
	assert_int_equal(nic_quiet(&nic), 0);
	expect_quiet();
	assert_int_equal(maps, 1); /* at boot: mappings stay as they were */
	assert_int_equal(regs[REG(0x100)] | regs[REG(0x400)] | regs[REG(0xd0)], 0);
}

static void test_e1000_does_not_obey(void **state)
{
	(void)state;
	make_e1000();
	obeys = false;
	assert_int_equal(nic_quiet(&nic), -EIO);
	assert_int_equal(warnings, 1);
}

static void test_gone(void **state)
{
	(void)state;
	make_e1000();
	obeys = false;
	nic.bar[0].size = 0; /* its registers cannot be reached */
	assert_int_equal(nic_quiet(&nic), -EOPNOTSUPP);
}

/* BARs and interrupt line are lost in the reset, and written again. */
static void test_function_reset(void **state)
{
	(void)state;
	make_express(FLR_ABLE);
	assert_int_equal(nic_quiet(&nic), 0);
	expect_quiet();
	assert_int_equal(cfg_get(PCI_BAR0, 4), FIRMWARE);
	assert_int_equal(cfg[PCI_INT_LINE], PIN);
}

static void test_transactions_never_end(void **state)
{
	(void)state;
	make_express(FLR_ABLE);
	cfg_set(CAP + 10, 2, 0x20);
	assert_int_equal(nic_quiet(&nic), -EIO);
}

/* Pin and bus mastering are off all the same. */
static void test_no_way_to_reset(void **state)
{
	(void)state;
	make_express(0);
	assert_int_equal(nic_quiet(&nic), -EOPNOTSUPP);
	assert_int_equal(resets, 0);
	assert_true(rte & RTE_MASK);
	assert_false(cfg_get(PCI_COMMAND, 2) & PCI_COMMAND_MASTER);
	assert_int_not_equal(warnings, 0);
}

static void test_capability_ring(void **state)
{
	(void)state;
	make_express(FLR_ABLE);
	cfg[CAP] = 0x01;
	cfg[CAP + 1] = CAP;
	assert_int_equal(nic_quiet(&nic), -EOPNOTSUPP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_e1000),
		cmocka_unit_test(test_e1000_does_not_obey),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_function_reset),
		cmocka_unit_test(test_transactions_never_end),
		cmocka_unit_test(test_no_way_to_reset),
		cmocka_unit_test(test_capability_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
