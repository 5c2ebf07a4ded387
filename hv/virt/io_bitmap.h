/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which ports exit: a bit for each, which both vendors' CPUs read alike. Source: AMD APM 2 15.10.1,
 * Intel SDM 3C 24.6.4.
 */
#ifndef HV_VIRT_IO_BITMAP_H
#define HV_VIRT_IO_BITMAP_H

#include "vm/vm.h"

/*
 * Whether the VM's access to ports [first, last] exits. The bitmap belongs to the VM and is made at
 * first use, of size bytes (whole pages): every port exits.
 */
void io_bitmap_set(struct vm *vm, uint64_t size, uint16_t first, uint16_t last, bool on);

#endif
