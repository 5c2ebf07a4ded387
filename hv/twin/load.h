/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a .twin file to judged, executable code at TWIN_BASE. The file (drivers/twin_abi.h) is
 * untrusted: each number is bounded before use, and the code is judged (drivers/verify) on its
 * final bytes, at each attach, before it becomes executable. Interrupts off.
 */
#ifndef HV_TWIN_LOAD_H
#define HV_TWIN_LOAD_H

#include "drivers/twin_abi.h"
#include "lib/types.h"

struct boot_module;

/* The file, checked once at boot; pointers into it stay valid. */
struct twin_image {
	const uint8_t *file;
	uint32_t size;
	const struct twin_header *head;
};
extern struct twin_image twin_image;

/* The elements of a table and their number (checked to lie inside the file). */
const void *twin_table(enum twin_table_id id);
uint32_t twin_count(enum twin_table_id id);
const char *twin_string(uint32_t offset); /* "?" when the offset is wrong */

/*
 * Checks header, CRC, tables. Returns 0, or -EINVAL after one log line that says what is wrong
 * (then there is no twin and the run goes on over the bridge).
 */
int twin_image_check(const uint8_t *file, uint64_t size);

/* Where the dvm has things, and how far its second stack is; arrays as in the file's tables. */
struct twin_binding {
	const uint64_t *section; /* dva by index of TWIN_TABLE_SECTIONS; 0 = absent */
	const uint64_t *import;  /* dva by index of TWIN_TABLE_IMPORTS; 0 = absent */
	uint64_t stack_distance;
};

/*
 * Relocates a fresh copy of the text, has it judged, makes it executable and fills the
 * indirect-call table. -EINVAL/-ENOENT after one log line with the reason; nothing is executable
 * then.
 */
int twin_place(const struct twin_binding *binding);

/* Takes the code out of the address space. */
void twin_unplace(void);

/* Address of the entry with a role, or 0. Only while placed. */
uint64_t twin_entry_address(enum twin_role role);

/*
 * Fault injection for tests: overwrites placed code without asking the judge, so that what
 * follows must be contained by hardware and traps alone. The next attachment starts from the file
 * again. -EINVAL: not inside the code.
 */
int twin_poke(uint64_t addr, const uint8_t *bytes, uint32_t n);

/*
 * Where the placed code is no more what the judge has taken: an address, or 0. What twin_poke() did
 * is on purpose and not told; a flip of bits, as a broken memory has them, is.
 */
uint64_t twin_changed_at(void);
int twin_flip(uint64_t addr, uint8_t bits); /* -EINVAL: not inside the code */

/* The module's own function of that role, in the dvm; sections as in the binding. 0: none. */
uint64_t twin_entry_module(enum twin_role role, const uint64_t *section);

/*
 * Where the n-th call of an import (from 0) returns to; 0: there is none. Only while placed.
 */
uint64_t twin_call_site(const char *import, uint32_t n);

/* Whether an address lies in the placed code; whether a ud2 there is a WARN. */
bool twin_has(uint64_t addr);
bool twin_is_warn(uint64_t addr);

/* Writes `function+0xoff` of the original module for an address of the twin. Returns buf. */
const char *twin_symbol(uint64_t addr, char *buf, size_t size);

#endif
