/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The emulator that code which the judge accepted runs in, with hostile registers and memory. Each
 * access and each jump is watched. An escape is:
 *
 * - an access to the lower half outside of the stack down to its limit, the gs block and the zones
 *   that R2 keeps empty, and to those by a constant address;
 * - a stack byte read that this invocation did not write, or a return address read or written by
 *   anything but call and ret (shadow.h); stack arguments of a target that are not there;
 * - a jump that leads neither to an instruction of the text (by Zydis, not by the judge) nor to an
 *   address that is offered; execution into padding or over the end of the text;
 * - a stack pointer beyond its limit; a return with another stack pointer or other callee-saved
 *   registers than at the entry.
 *
 * The driver VM's memory is three pieces of the upper half, full of pointers into them, small
 * numbers and hostile values. What is not mapped faults: the hypervisor would kill the twin.
 *
 * Code of engine stlb has its table behind the gs block, which it may read, and the hypervisor's
 * region of pages, which the machine fills from the same memory when a miss routine is called.
 *
 * One machine in a program; everything random is of random.h.
 */
#ifndef FUZZ_MACHINE_H
#define FUZZ_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/layout_abi.h"

/* Where things lie. As in the hv, rel32 reaches natives, stubs and thunks from TWIN_BASE. */
#define TEXT_BYTES   0x40000
#define NATIVES      (TWIN_BASE + 0x1000000)
#define NATIVE_BYTES 64
#define UPCALLS      (NATIVES + 0x10000)
#define UPCALL_BYTES 16
#define THUNKS       (NATIVES + 0x20000)
#define THUNK_BYTES  128
#define RETURN_TO    (NATIVES + 0x30000) /* where an entry returns to */
#define JUST_RETURN  (NATIVES + 0x31000) /* a lone ret: a native behind a thunk */
#define OUTSIDE_SIZE 0x40000
#define THUNK_WORD   (NATIVES + 0x40000) /* where the thunk's jump reads its target */
#define GS           (HV_BASE + 0x400000)
#define GS_BYTES     4096 /* that the twin may name */
#define STACK_LIMIT  4096 /* bytes below an entry's return address that it may use */
#define STACK        (STACK_BASE + 0x10000)
#define DISTANCE     (0xffff888005b50000ull - STACK)
#define HEAP         0xffff888000000000ull
#define HEAP_BYTES   0x40000
#define SECTIONS     0xffffffffc0000000ull
#define SECTION_GAP  0x100000
#define NR_SECTIONS  4
#define IMPORTS      0xffffffff82000000ull
#define IMPORT_BYTES 0x100000

/* How an invocation ended. */
enum end { END_RETURNED, END_FAULT, END_TRAP, END_TIME, END_KILLED, NR_ENDS };

/* What lies at an address outside of the text: does a call of it come back? */
enum outside { OUTSIDE_NOTHING, OUTSIDE_RETURNS, OUTSIDE_KILLS, OUTSIDE_THUNK };

/* Code that was accepted; all of it belongs to the caller. */
struct machine_image {
	const uint8_t *text; /* final bytes, for TWIN_BASE */
	uint32_t size;       /* at most TEXT_BYTES */
	const uint32_t *entries;
	uint32_t nr_entries;
	/* *stack_args: bytes above its return address that the target reads; 0 when asked. */
	enum outside (*outside)(uint64_t addr, uint32_t *stack_args);
	bool (*resumes)(uint64_t addr); /* is it a ud2 behind which execution goes on? */
	/* Which register's miss routine is there? -1: none. NULL: engine window. */
	int (*miss)(uint64_t addr);
};

/* Once, before anything runs. False: the emulator does not start. */
bool machine_open(void);

/*
 * Run n invocations of the image, up to the first escape: its reason, with *address (of the memory,
 * or the register's number), or NULL. ends[] counts how they ended.
 */
const char *machine_run(const struct machine_image *img, unsigned int n, uint64_t ends[NR_ENDS],
			uint64_t *address);

#endif
