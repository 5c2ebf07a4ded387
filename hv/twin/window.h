/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Software Virtual Memory, engine "window": the driver VM's kernel addresses appear in the
 * hypervisor at the same addresses (upper half), each page when it is first touched. The CPU's
 * TLB is the hit path, the page fault handler the miss path (rules R1 to R4 of the design; paper
 * section 4).
 *
 * The window is a TLB of the driver VM. Translations of its direct map never change while it
 * runs; every other one is compared with the driver VM's own entries, of all levels, before each
 * activation and after each upcall, and dropped when one differs. Interrupts off, or inside the
 * twin.
 */
#ifndef HV_TWIN_WINDOW_H
#define HV_TWIN_WINDOW_H

#include "lib/types.h"

struct vm;
struct vpci_pass;

struct window_stats {
	uint64_t fills, large_fills, bar_fills, refused, dropped, flushes, revalidations;
	uint64_t evicted; /* left for another page that is compared: there is room for so many */
};
extern struct window_stats window_stats;

/*
 * Opens an empty window on the kernel page table at gpa pgd. direct_base and the VM's memory size
 * give the direct map. nic's memory BARs may be mapped. -EINVAL: pgd is no RAM, or 5-level
 * paging.
 */
int window_open(struct vm *dvm, gpa_t pgd, uint64_t direct_base, const struct vpci_pass *nic);
void window_close(void);

/*
 * A page fault at an upper-half address. true: mapped, go on. false: refused, *why says the
 * reason in words. Each level of the driver VM's tables is read once.
 */
bool window_fill(dva_t va, bool write, bool fetch, const char **why);

/*
 * For engine stlb (stlb.h), which maps the driver VM's pages elsewhere: the entry that maps va's
 * page, by the same checks and rights. 0: refused, *why says the reason. From then on the page's
 * source is compared: stlb_drop() is called when it changes or leaves (evicted), stlb_flush() when
 * everything is dropped (flushes), perhaps before this returns: then a page asked for before, and
 * not yet mapped, must be asked for again.
 */
uint64_t window_page(dva_t va, bool write, const char **why);

/* Drops every entry whose source changed. Nothing is read while the driver VM has not run. */
void window_revalidate(void);

/*
 * For tests: without the rule stale entries stay; a cold window is empty at each activation.
 * Address n (from 0) compared; 0: no more.
 */
void window_set_rule(bool on);
void window_set_cold(bool on);
dva_t window_tracked(unsigned int n);

/* Drops everything. */
void window_flush(void);

/* How many pages are mapped now (walks the tables; for tests and the monitor). */
uint64_t window_pages(void);

#endif
