/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A driver VM of 4 MiB for tests of the window: its RAM, its page tables, its card's registers. */
#ifndef TESTS_UNIT_TWIN_SMALL_DVM_H
#define TESTS_UNIT_TWIN_SMALL_DVM_H

#include "dev/vpci_pass.h"
#include "lib/types.h"
#include "vm/vm.h"

#define RAM    MIB(4)
#define DIRECT 0xffff888000000000UL
#define VADDR  0xffffc90000001000UL /* in vmalloc's region */
#define BAR    0xfeb00000UL

/* gpa of the driver VM's tables, one page each, and of two data pages */
enum { PGD = 0x1000, PUD = 0x2000, PMD = 0x3000, PT = 0x4000, PAGE_A = 0x10000, PAGE_B = 0x11000 };

extern struct vm dvm;
extern struct vpci_pass nic;
extern uint8_t *ram;
extern uint64_t cr4;
extern void (*meanwhile)(gpa_t gpa); /* an entry there is about to be read; RAM: the walk is over */

/* Its entry for va in one of its tables; the VM runs, as who changes one does. */
uint64_t *entry(gpa_t table, dva_t va, int level);

/* Maps va by a leaf in PT. */
void map(dva_t va, uint64_t leaf);

/* What the hypervisor's own tables have for an address. */
uint64_t hv_entry(uint64_t va);

/* cmocka's: a window on it, VADDR mapped to PAGE_A; and none. */
int begin(void **state);
int end(void **state);

#endif
