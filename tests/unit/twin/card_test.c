/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an 8254x says of the way of frames; its registers are memory here. */
#include "twin/card.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dev/vpci_pass.h"
#include "e1000_abi.h"
#include "mem/paging.h"
#include "twin/load.h"
#include "twin/native.h"
#include "twin/win.h"

#define BASE    0xfebc0000UL
#define BYTES   0x20000
#define ADAPTER 0x2000
#define STATUS  registers[0x0008 / 4]
#define RCTL    registers[0x0100 / 4]
#define RDH     registers[0x2810 / 4]
#define RDT     registers[0x2818 / 4]
#define TDH     registers[0x3810 / 4]
#define TDT     registers[0x3818 / 4]

uint8_t fake_memory[FAKE_BYTES];
struct twin_attachment twin_att = { .napi = ADAPTER + K_E1000_ADAPTER_NAPI };
static struct twin_header head;
struct twin_image twin_image = { .head = &head };

static uint32_t registers[BYTES / 4];
static unsigned int maps;
static struct card_sight s;

void *mmio_map(hpa_t hpa, uint64_t len)
{
	assert_int_equal(hpa, BASE);
	assert_int_equal(len, BYTES);
	maps++;
	return registers;
}

/* First: nothing is mapped yet. */
static void test_other_cards_are_not_known(void **state)
{
	struct vpci_pass nic = { .bar = { { BASE, BYTES, false } } };

	(void)state;
	strcpy(head.module, "other");
	card_prepare(&nic);
	strcpy(head.module, "e1000");
	nic.bar[0].io = true;
	card_prepare(&nic);
	nic.bar[0] = (struct vpci_pass_bar){ BASE, BYTES / 2, false };
	card_prepare(&nic);
	nic = (struct vpci_pass){ .bar = { { BASE, BYTES, false } }, .device = 0x1000 };
	card_prepare(&nic);
	card_prepare(NULL);
	assert_int_equal(maps, 0);
	assert_false(card_look(&s));
	assert_false(card_is_known());
	assert_false(card_sends_nothing());
}

static void ready(void)
{
	struct vpci_pass nic = { .bar = { { BASE, BYTES, false } } };

	strcpy(head.module, "e1000");
	card_prepare(&nic);
	assert_int_equal(maps, 1);
	maps = 0;
	memset(registers, 0, sizeof(registers));
	STATUS = 0x80080783; /* as QEMU's card has it: link, full duplex, 1000 Mb/s */
	RCTL = 0x8002;
	RDT = 254;
}

static void test_sights(void **state)
{
	(void)state;
	ready();
	assert_true(card_look(&s));
	assert_true(s.link && !s.paused && !s.deaf);
	RDH = 254; /* its last descriptor is used */
	assert_true(card_look(&s) && s.deaf);
	assert_true(s.head == 254 && s.tail == 254);
	RDT = 100;
	assert_true(card_look(&s) && !s.deaf);
	RCTL = 0x8000;
	assert_true(card_look(&s) && s.deaf);
	RCTL = 0x8002;
	STATUS |= 0x10;
	assert_true(card_look(&s) && s.paused && !s.deaf);
	STATUS &= ~2U;
	assert_true(card_look(&s) && !s.link);
}

static void test_sends_nothing(void **state)
{
	(void)state;
	ready();
	assert_true(card_is_known());
	assert_true(card_sends_nothing());
	TDT = 3;
	assert_false(card_sends_nothing());
	TDH = 3;
	assert_true(card_sends_nothing());
	TDT = 1; /* around the ring's end */
	assert_false(card_sends_nothing());
}

/* Memory decoding off, or gone: all ones. */
static void test_gone(void **state)
{
	(void)state;
	ready();
	memset(registers, 0xff, sizeof(registers));
	assert_false(card_look(&s));
	assert_false(card_sends_nothing()); /* nobody knows */
}

static void test_driver_is_busy(void **state)
{
	(void)state;
	assert_false(card_driver_busy());
	win_write64(ADAPTER + K_E1000_ADAPTER_FLAGS, 4);
	assert_true(card_driver_busy());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_cards_are_not_known),
		cmocka_unit_test(test_sights),
		cmocka_unit_test(test_sends_nothing),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_driver_is_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
