/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virt/ept.h"

#define EPT_R           BIT(0)
#define EPT_W           BIT(1)
#define EPT_X           BIT(2)
#define EPT_TYPE(t)     ((uint64_t)(t) << 3)
#define EPT_UNCACHED    0
#define EPT_WRITE_BACK  6
#define EPT_FOUR_LEVELS (3 << 3) /* of the pointer: levels less one */

uint64_t ept_leaf(bool write, enum nested_type type)
{
	uint64_t rights = EPT_R | (write ? EPT_W : 0);

	return type == NESTED_RAM ? rights | EPT_X | EPT_TYPE(EPT_WRITE_BACK)
				  : rights | EPT_TYPE(EPT_UNCACHED);
}

uint64_t ept_pointer(hpa_t root)
{
	return root | EPT_FOUR_LEVELS | EPT_WRITE_BACK;
}
