/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's 16550A at 0x3f8, IRQ 4 (edge) of its virtual IOAPIC. Transmit is instant and goes to the console source of
 * the VM; receive has a 256-byte queue behind the FIFO. Source: PC16550D datasheet.
 */
#ifndef HV_DEV_VUART_H
#define HV_DEV_VUART_H

#include "debug/console.h"
#include "lib/types.h"

#define VUART_BASE 0x3f8
#define VUART_PIN  4

struct vm;

struct vuart {
	struct vm *vm;
	struct console_source source;
	uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
	bool thr_empty_pending; /* THRE interrupt armed */
	uint8_t rx[256];
	unsigned int rx_head, rx_tail;
	uint64_t lost; /* input bytes without room */
};

void vuart_init(struct vuart *uart, struct vm *vm, const char *name);
uint8_t vuart_read(struct vuart *uart, unsigned int reg); /* reg 0..7 */
void vuart_write(struct vuart *uart, unsigned int reg, uint8_t val);

#endif
