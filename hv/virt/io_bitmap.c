/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which ports exit. */
#include "virt/io_bitmap.h"

#include "lib/string.h"
#include "mem/phys.h"

void io_bitmap_set(struct vm *vm, uint64_t size, uint16_t first, uint16_t last, bool on)
{
	uint8_t *map = vm->io_bitmap;

	if (!map) {
		map = vm->io_bitmap = phys_alloc_hv(size);
		memset(map, 0xff, size);
	}
	for (unsigned int p = first; p <= last; p++) {
		if (on)
			map[p / 8] |= 1 << p % 8;
		else
			map[p / 8] &= ~(1 << p % 8);
	}
}
