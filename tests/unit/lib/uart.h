/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A 16550 at COM1 as the console sees it: what was sent, what will be received. */
#ifndef TESTS_UNIT_LIB_UART_H
#define TESTS_UNIT_LIB_UART_H

#include "lib/types.h"

struct uart {
	char out[1 << 20]; /* all that was sent, NUL-terminated */
	size_t out_len;
	const char *in; /* what is still to be received */
	bool absent;    /* nobody at the port */
	bool stuck;     /* never ready to send */
	uint8_t lcr, fcr, mcr, ier;
	uint16_t divisor;
	uint64_t lsr_reads;
};

extern struct uart uart;

void uart_reset(void);

/* What was sent since the last call of this. */
const char *uart_sent(void);

#endif
