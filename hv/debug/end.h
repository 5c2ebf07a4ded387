/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a run. Codes: 0x10 orderly, 0x11 fatal, 0x12 orderly but a VM was killed. Under QEMU with
 * -device isa-debug-exit,iobase=0xf4 the emulator exits with 2*code+1; on metal the machine halts.
 */
#ifndef HV_DEBUG_END_H
#define HV_DEBUG_END_H

#include "lib/types.h"

void __noreturn machine_end(uint8_t code);

#endif
