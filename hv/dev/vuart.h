/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's 16550A at 0x3f8, IRQ 4 (edge) of its virtual IOAPIC. Transmit is instant and goes to the
 * console source of the VM; receive has a queue behind the FIFO, whose trigger level is always one
 * byte. Input that finds the queue full is lost, with a line in the log: the console stays usable
 * while a VM does not read. The modem lines CTS, DSR and DCD are always on; OUT2 gates the
 * interrupt as on a PC; loopback works. Source: PC16550D datasheet.
 */
#ifndef HV_DEV_VUART_H
#define HV_DEV_VUART_H

#include "debug/console.h"
#include "lib/types.h"

#define VUART_BASE 0x3f8
#define VUART_PIN  4
#define VUART_RX   4096 /* the longest line that Linux's terminal takes (N_TTY_BUF_SIZE) */

struct vm;

struct vuart {
	struct vm *vm;
	struct console_source source; /* the owner registers it; input goes to the receive queue */
	uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
	bool thr_empty_pending; /* THRE interrupt armed */
	bool overrun;           /* LSR.OE, until LSR is read */
	uint8_t rx[VUART_RX];
	unsigned int rx_head, rx_tail; /* count up; index modulo VUART_RX */
	uint64_t lost;                 /* input bytes without room */
};

/* name: the tag on the console, cut to fit. Interrupts off in all four, on the CPU of the vCPU. */
void vuart_init(struct vuart *uart, struct vm *vm, const char *name);
void vuart_reset(struct vuart *uart); /* power-up state; a line that was begun is ended */
uint8_t vuart_read(struct vuart *uart, unsigned int reg); /* reg 0..7 */
void vuart_write(struct vuart *uart, unsigned int reg, uint8_t val);

#endif
