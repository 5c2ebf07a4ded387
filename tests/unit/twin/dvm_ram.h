/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver VM that is attached and has RAM, for tests of the pool and of natives: vm_ram() and
 * twin_att, as the hypervisor has them. Pages without rights lie around the RAM.
 */
#ifndef UNIT_TWIN_DVM_RAM_H
#define UNIT_TWIN_DVM_RAM_H

#include <stdint.h>

#include "twin/native.h"

#define DVM_BASE 0xffff888000000000UL /* of its direct map */
#define DVM_RAM  MIB(4)

extern uint8_t *dvm_ram;

/* Attach: zeroed RAM, an empty pool, an invocation. 0, or -1 when there is no memory. */
int dvm_ram_begin(void);

void dvm_ram_end(void);

/* The equation of R16 holds. */
void assert_pool_adds_up(void);

#endif
