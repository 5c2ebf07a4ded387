/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Software Virtual Memory, engine "stlb": the paper's (section 4), measured beside the window.
 * Derived code finds the hypervisor's address of a page of the driver VM in a table, inline
 * (drivers/twin_abi.h); here is the rest: what fills the table, and the region of the lower half
 * that its addresses are of.
 *
 * Each entry of the table has a slot of the region, two pages: the driver VM's page and, for
 * accesses that cross its end, the next one. So the table and the region get full together, and
 * there is nothing to allocate: a page whose entry another one has takes its place. What may be
 * mapped, and when it must go, is the window's business (window_page()). Natives, the second stack
 * and the agent's memory use the window under either engine; derived code alone is different.
 *
 * Interrupts off, or inside the twin.
 */
#ifndef HV_TWIN_STLB_H
#define HV_TWIN_STLB_H

#include "lib/types.h"

struct stlb_stats {
	uint64_t misses, refused; /* of lookups; hits are not counted, they are inline */
	uint64_t replaced;        /* misses that took another page's entry */
	uint64_t faults; /* in the region: a second page that was not there, a page made writable */
	uint64_t flushes;
};
extern struct stlb_stats stlb_stats;

/* Opens the region, empty, for a twin of this engine, behind window_open(). */
void stlb_open(void);
void stlb_close(void);
bool stlb_is_open(void);

/* Lookup of va missed: fills its entry. false: refused, *why says the reason in words. */
bool stlb_fill(dva_t va, const char **why);

/* Whether an address of the hypervisor's lies in the region. */
bool stlb_has(uint64_t hva);

/*
 * A page fault there. *va is the driver VM's address, or hva itself where no page is. true: mapped,
 * go on.
 */
bool stlb_fault(uint64_t hva, bool write, bool fetch, dva_t *va, const char **why);

/* The window's: the driver VM's page is no more what it was; or none is known to be. */
void stlb_drop(dva_t page);
void stlb_flush(void);

#endif
