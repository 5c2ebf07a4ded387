/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What gs names while the twin runs, one for each CPU: the block that the twin itself may use
 * (drivers/twin_abi.h), and behind it, where judged code cannot write, the table that its lookups
 * read, and what only the thunks of enter.S read. Shared by assembly and C; offsets in bytes from
 * the gs base.
 */
#ifndef HV_TWIN_GATE_ABI_H
#define HV_TWIN_GATE_ABI_H

#define TWIN_GATE_FIRST 0x1000  /* = TWIN_GS_BLOCK_BYTES = TWIN_STLB_TABLE: entries of lookups */
#define TWIN_GATE_BASE  0x11000 /* dvm address that slot 0 of the table stands for */
#define TWIN_GATE_COUNT 0x11008 /* slots */
#define TWIN_GATE_FLOOR 0x11010 /* least rsp at which an indirect call may begin */
#define TWIN_GATE_TABLE 0x11018 /* slot 0; each holds an address of code */

#define TWIN_THUNK_BYTES 128 /* thunk of register n: n times so far from the first */
#define TWIN_MISS_BYTES  16  /* miss routine of register n likewise */

#endif
