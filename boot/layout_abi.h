/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypervisor's address space, shared by assembly, link map and C. All of it is in the lower
 * canonical half between 1 TiB and 8.5 TiB: below lies the unmapped zone of R2, and a stack above
 * 8.5 TiB would make the distance to a second stack in the driver VM's direct map non-canonical
 * (a segment base must be canonical). The upper half belongs to the window alone.
 */
#ifndef BOOT_LAYOUT_ABI_H
#define BOOT_LAYOUT_ABI_H

#define HV_PHYS_START 0x200000      /* where GRUB puts the image */
#define HV_BASE       0x20000000000 /* 2 TiB: image, address = HV_BASE + physical */
#define TWIN_BASE     0x20040000000 /* 2 TiB + 1 GiB: derived code, in reach of rel32 calls */
#define DIRECT_BASE   0x40000000000 /* 4 TiB: all RAM but the image, NX */
#define DIRECT_SIZE   0x10000000000 /* 1 TiB */
#define STLB_BASE     0x58000000000 /* 5.5 TiB: pages of the dvm, by engine stlb's table; NX */
#define MMIO_BASE     0x60000000000 /* 6 TiB: device registers, UC, NX */
#define STACK_BASE    0x70000000000 /* 7 TiB: stacks, each with guard pages */

#endif
