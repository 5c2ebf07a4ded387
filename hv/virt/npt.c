/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virt/npt.h"

#include "mem/paging.h"

uint64_t npt_leaf(bool write, enum nested_type type)
{
	return PTE_P | PTE_U | PTE_A | PTE_D | (write ? PTE_W : 0) |
	       (type == NESTED_MMIO ? PTE_PCD | PTE_PWT | PTE_NX : 0);
}
