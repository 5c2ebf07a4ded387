/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * COM1, a 16550, polled in both directions. Each register access is an exit under a hypervisor,
 * so the main loop polls for input at a bounded rate only.
 */
#pragma once

#include <stddef.h>

void uart_init(void);
void uart_write(const char *text, size_t length);

/* The next input byte, or -1 if there is none. */
int uart_read(void);
