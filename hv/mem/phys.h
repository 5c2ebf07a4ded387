/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Physical memory: who owns each 4 KiB frame, and the allocator on top of that table. Allocation
 * goes from the highest free address down, so that the low memory stays free for the driver VM,
 * whose gpa equals hpa and whose devices may reach no more than 32-bit addresses. The
 * hypervisor's own tables, boot modules and guests thus lie above 4 GiB where there is RAM. No
 * device reads them there but by a loan (twin/loan.h). Boot-time and single-threaded; interrupts
 * off.
 */
#ifndef HV_MEM_PHYS_H
#define HV_MEM_PHYS_H

#include "boot/multiboot2.h"
#include "lib/types.h"

/* Owner of a frame. A VM's frames have FRAME_VM + its id. */
enum frame_owner { FRAME_NONE, FRAME_FREE, FRAME_HV, FRAME_BOOT, FRAME_VM };

/*
 * Reads the memory map; marks image and modules as in use. The map is not trusted to be in order:
 * ranges may overlap (whatever is not RAM in any of them is not RAM), be empty, begin and end
 * within a frame, or end behind the last address. RAM above PAGING_RAM_MAX is left alone, with a
 * warning. Ends the boot where there is no room for the frame table.
 */
void phys_init(const struct boot_info *boot);

/* The table was filled through the boot mapping; called once the direct map exists. */
void phys_use_direct_map(void);

/* Whether hpa is RAM (of anybody); whether all of [hpa, hpa+len) has the given owner. */
bool phys_is_ram(hpa_t hpa);
bool phys_owned_by(hpa_t hpa, uint64_t len, unsigned int owner);

/*
 * The first run of frames of one owner at or above *start and below end, both at a frame's border:
 * its length, with its start in *start. 0: there is none.
 */
uint64_t phys_run(hpa_t *start, hpa_t end, unsigned int owner);
hpa_t phys_top(void); /* end of the highest RAM */
uint64_t phys_ram_bytes(void);
uint64_t phys_free_bytes(hpa_t above); /* free RAM at or above an address */

/*
 * Contiguous zeroed memory, len rounded up to pages, aligned to align (a power of two >= 4096),
 * at or above the floor set by phys_set_floor(). Returns 0 when there is none.
 */
hpa_t phys_alloc(uint64_t len, uint64_t align, unsigned int owner);
void *phys_alloc_hv(uint64_t len); /* the same for the hypervisor; BUG when out of memory */
void phys_set_owner(hpa_t hpa, uint64_t len, unsigned int owner);
void phys_set_floor(hpa_t floor);

#endif
