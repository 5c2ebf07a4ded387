/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of the 8254x that tell whether frames can move: Intel's manual, chapter 13. */
#include "twin/card.h"

#include "dev/vpci_pass.h"
#include "e1000_abi.h"
#include "lib/string.h"
#include "mem/paging.h"
#include "twin/load.h"
#include "twin/native.h"
#include "twin/win.h"

#define REG_STATUS   0x0008
#define REG_RCTL     0x0100
#define REG_RDH      0x2810
#define REG_RDT      0x2818
#define REG_TDH      0x3810
#define REG_TDT      0x3818
#define BYTES        0x20000
#define STATUS_LU    BIT(1)     /* link up */
#define STATUS_TXOFF BIT(4)     /* transmission paused, by a frame of the other end */
#define RCTL_EN      BIT(1)     /* receiver on */
#define GONE         0xffffffff /* what a card reads as that does not answer */
#define ID_82542     0x1000     /* has its receive ring's registers elsewhere */

static volatile uint32_t *registers;

void card_prepare(const struct vpci_pass *nic)
{
	if (strcmp(twin_image.head->module, "e1000") == 0 && nic && nic->device != ID_82542 &&
	    !nic->bar[0].io && nic->bar[0].size >= BYTES)
		registers = mmio_map(nic->bar[0].base, BYTES);
}

bool card_is_known(void)
{
	return registers;
}

bool card_sends_nothing(void)
{
	if (!registers || registers[REG_STATUS / 4] == GONE)
		return false;
	return registers[REG_TDH / 4] == registers[REG_TDT / 4];
}

bool card_look(struct card_sight *s)
{
	uint32_t status, rctl;

	if (!registers)
		return false;
	status = registers[REG_STATUS / 4];
	rctl = registers[REG_RCTL / 4];
	if (status == GONE)
		return false;
	s->link = status & STATUS_LU;
	s->paused = status & STATUS_TXOFF;
	s->head = registers[REG_RDH / 4];
	s->tail = registers[REG_RDT / 4];
	/* The driver leaves one descriptor unused, so a full ring has them apart. */
	s->deaf = !(rctl & RCTL_EN) || s->head == s->tail;
	return true;
}

bool card_driver_busy(void)
{
	return win_read64(twin_att.napi - K_E1000_ADAPTER_NAPI + K_E1000_ADAPTER_FLAGS);
}
