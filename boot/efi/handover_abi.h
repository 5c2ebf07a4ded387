/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the last instructions of the loader (handover.S) are told. They run when the firmware has
 * gone: out of long mode, put the hypervisor where it is linked to, jump to its Multiboot2 entry.
 */
#ifndef BOOT_EFI_HANDOVER_ABI_H
#define BOOT_EFI_HANDOVER_ABI_H

/* Where the hypervisor may be put: nothing else of the loader lies below. */
#define LOADED_BOTTOM 0x1000000

#define HANDOVER_COUNT  0
#define HANDOVER_ENTRY  4
#define HANDOVER_INFO   8
#define HANDOVER_STACK  12
#define HANDOVER_COPY   16
#define HANDOVER_COPIES 8

#ifndef __ASSEMBLER__
#include "lib/types.h"

/* All of it below 4 GiB, as is the memory that holds it. */
struct handover {
	uint32_t count;
	uint32_t entry, info, stack; /* hpa; the stack's is its top */
	struct {
		uint32_t to, from, bytes, zeros; /* so many bytes, then so many zero bytes */
	} copy[HANDOVER_COPIES];
};
ASSERT_OFFSET(struct handover, info, HANDOVER_INFO);
ASSERT_OFFSET(struct handover, copy, HANDOVER_COPY);

/* The instructions, at any address below 4 GiB; interrupts may be on. They do not return. */
extern const char handover_start[], handover_end[];
typedef void handover_fn(struct handover *h);
#endif

#endif
