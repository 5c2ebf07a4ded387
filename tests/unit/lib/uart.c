/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fake UART and the other things below the console. */
#include "uart.h"

#include "cpu/x86.h"

#define COM1     0x3f8
#define LCR_DLAB 0x80

struct uart uart;
uint64_t fake_cr0, fake_cr2, fake_cr3, fake_cr4, fake_efer;
static size_t seen;

void uart_reset(void)
{
	uart = (struct uart){ .in = "" };
	seen = 0;
}

const char *uart_sent(void)
{
	const char *s = uart.out + seen;

	seen = uart.out_len;
	return s;
}

uint8_t inb(uint16_t port)
{
	if (uart.absent)
		return 0xff;
	if (port == COM1)
		return *uart.in ? *uart.in++ : 0;
	if (port != COM1 + 5)
		abort();
	uart.lsr_reads++;
	return (uart.stuck ? 0 : 0x60) | (*uart.in ? 1 : 0);
}

static void set_divisor(unsigned int byte, uint8_t val)
{
	uart.divisor = (uart.divisor & ~(0xff << 8 * byte)) | val << 8 * byte;
}

void outb(uint16_t port, uint8_t val)
{
	if (port >= COM1 && port <= COM1 + 1 && (uart.lcr & LCR_DLAB)) {
		set_divisor(port - COM1, val);
		return;
	}
	switch (port) {
	case COM1:
		if (uart.out_len + 1 == sizeof(uart.out))
			abort();
		uart.out[uart.out_len++] = val;
		break;
	case COM1 + 1:
		uart.ier = val;
		break;
	case COM1 + 2:
		uart.fcr = val;
		break;
	case COM1 + 3:
		uart.lcr = val;
		break;
	case COM1 + 4:
		uart.mcr = val;
		break;
	default:
		abort();
	}
}
