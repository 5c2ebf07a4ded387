/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a run. Under QEMU with -device isa-debug-exit,iobase=0xf4 the emulator exits with
 * 2*code+1; on metal the machine says that it may be switched off and halts with interrupts off.
 */
#ifndef HV_DEBUG_END_H
#define HV_DEBUG_END_H

#include "lib/types.h"

#define END_OK        0x10 /* orderly */
#define END_FATAL     0x11 /* a fault of the user's input, or our own bug */
#define END_VM_KILLED 0x12 /* orderly, but a VM was killed */

void __noreturn machine_end(uint8_t code);

/*
 * Behind the dump of a bug of our own: as END_FATAL, or the machine starts anew where the boot word
 * panic=reboot has asked for that.
 */
void __noreturn machine_panic(void);
void machine_panic_reboots(bool yes);

#endif
