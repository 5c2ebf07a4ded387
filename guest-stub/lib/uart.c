/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/uart.h"
#include "cpu/x86.h"

#define COM1      0x3f8
#define UART_DATA (COM1 + 0)
#define UART_IER  (COM1 + 1)
#define UART_FCR  (COM1 + 2)
#define UART_LCR  (COM1 + 3)
#define UART_MCR  (COM1 + 4)
#define UART_LSR  (COM1 + 5)

#define LCR_8N1        0x03
#define LCR_DLAB       0x80
#define MCR_DTR_RTS    0x03
#define LSR_DATA_READY 0x01
#define LSR_THR_EMPTY  0x20

void uart_init(void)
{
	out8(UART_IER, 0);
	out8(UART_LCR, LCR_DLAB);
	out8(UART_DATA, 1); /* divisor 1: 115200 baud */
	out8(UART_IER, 0);
	out8(UART_LCR, LCR_8N1);
	out8(UART_FCR, 0x07); /* FIFOs on and empty */
	out8(UART_MCR, MCR_DTR_RTS);
}

void uart_write(const char *text, size_t length)
{
	while (length--) {
		while (!(in8(UART_LSR) & LSR_THR_EMPTY))
			cpu_relax();
		out8(UART_DATA, (uint8_t)*text++);
	}
}

int uart_read(void)
{
	return in8(UART_LSR) & LSR_DATA_READY ? in8(UART_DATA) : -1;
}
