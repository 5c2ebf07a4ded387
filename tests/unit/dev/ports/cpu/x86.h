/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of hv/cpu/x86.h: port instructions are calls of the test. */
#ifndef TESTS_UNIT_DEV_PORTS_X86_H
#define TESTS_UNIT_DEV_PORTS_X86_H

#include "lib/types.h"

uint32_t port_in(uint16_t port, unsigned int size);
void port_out(uint16_t port, unsigned int size, uint32_t val);

static inline uint8_t inb(uint16_t port)
{
	return port_in(port, 1);
}

static inline uint16_t inw(uint16_t port)
{
	return port_in(port, 2);
}

static inline uint32_t inl(uint16_t port)
{
	return port_in(port, 4);
}

static inline void outb(uint16_t port, uint8_t val)
{
	port_out(port, 1, val);
}

static inline void outw(uint16_t port, uint16_t val)
{
	port_out(port, 2, val);
}

static inline void outl(uint16_t port, uint32_t val)
{
	port_out(port, 4, val);
}

#endif
