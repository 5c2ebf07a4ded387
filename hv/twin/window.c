/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The window: fills, revalidates and drops translations of the driver VM's kernel addresses. */
#include "twin/window.h"

#include "cpu/x86.h"
#include "debug/log.h"
#include "dev/vpci_pass.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mem/layout.h"
#include "mem/paging.h"
#include "mem/phys.h"
#include "twin/stlb.h"
#include "virt/virt_ops.h"
#include "vm/mem.h"
#include "vm/vm.h"

#define TABLES     96  /* pages for window tables; when they are used up the window starts anew */
#define TRACKED    512 /* translations outside the direct map */
#define UPPERS     64  /* table entries above them, each once */
#define UPPER_HALF 256 /* first root entry of the upper half */
#define PTE_AD     (PTE_A | PTE_D)
#define PTE_PAT_4K BIT(7)
#define PTE_PAT_2M BIT(12)
#define PAT_WB     6

struct window_stats window_stats;

static struct {
	struct vm *dvm;
	uint64_t entries; /* of the driver VM, when its tables were compared last */
	gpa_t pgd;
	uint64_t direct_base;
	const struct vpci_pass *nic;
	uint64_t *root; /* the hypervisor's root table */
	uint64_t (*table)[512];
	unsigned int tables_used;
} w;

/* A translation that may change: where its source entry lies and what it said. */
static struct tracked {
	dva_t va;
	const volatile uint64_t *source;
	uint64_t value;
} tracked[TRACKED];
static unsigned int tracked_count;

/* An entry of an upper level that tracked translations were found through. */
static struct upper {
	const volatile uint64_t *source;
	uint64_t value;
} upper[UPPERS];
static unsigned int upper_count;
static bool rule = true; /* off: stale entries stay, for the test that sees it */
static bool cold;        /* on: nothing stays, for tests of the miss path */

/* One leaf of the driver VM's tables. */
struct leaf {
	const volatile uint64_t *source;
	uint64_t entry;
	int level;             /* 0: 4 KiB, 1: 2 MiB, 2: 1 GiB */
	bool write;            /* all levels allow it */
	gpa_t gpa;             /* of the byte asked for */
	struct upper upper[3]; /* the entries above it */
	unsigned int uppers;
};

int window_open(struct vm *dvm, gpa_t pgd, uint64_t direct_base, const struct vpci_pass *nic)
{
	struct vcpu_sysregs regs;

	virt->sysregs_read(&dvm->vcpu, &regs);
	if ((pgd & ~PTE_ADDR) || !vm_ram(dvm, pgd, PAGE_SIZE) || (regs.cr4 & CR4_LA57))
		return -EINVAL;
	w.dvm = dvm;
	w.entries = dvm->entries; /* the window is empty */
	w.pgd = pgd;
	w.direct_base = direct_base;
	w.nic = nic;
	w.root = paging_root_table();
	if (!w.table)
		w.table = phys_alloc_hv(TABLES * PAGE_SIZE);
	window_flush();
	return 0;
}

void window_close(void)
{
	if (w.root)
		window_flush();
	w.dvm = NULL;
}

void window_flush(void)
{
	memset(&w.root[UPPER_HALF], 0, UPPER_HALF * sizeof(uint64_t));
	w.tables_used = 0;
	tracked_count = 0;
	upper_count = 0;
	window_stats.flushes++;
	stlb_flush();
	write_cr3(paging_root());
}

static uint64_t *entry_at(dva_t va, int level, bool make)
{
	uint64_t *table = w.root;

	for (int l = 3; l > level; l--) {
		uint64_t *e = &table[va >> (PAGE_SHIFT + 9 * l) & 511];

		if (!(*e & PTE_P)) {
			if (!make || w.tables_used == TABLES)
				return NULL;
			memset(w.table[w.tables_used], 0, PAGE_SIZE);
			*e = hva_to_hpa(w.table[w.tables_used++]) | PTE_P | PTE_W;
		} else if (*e & PTE_PS) {
			return NULL;
		}
		table = hpa_to_hva(*e & PTE_ADDR);
	}
	return &table[va >> (PAGE_SHIFT + 9 * level) & 511];
}

static bool walk(dva_t va, struct leaf *leaf, const char **why)
{
	gpa_t table = w.pgd;

	leaf->write = true;
	leaf->uppers = 0;
	for (int level = 3; level >= 0; level--) {
		unsigned int shift = PAGE_SHIFT + 9 * level;
		uint64_t mask = (1UL << shift) - 1;

		leaf->source = vm_ram(w.dvm, table + (va >> shift & 511) * 8, 8);
		if (!leaf->source) {
			*why = "a page table of the driver VM lies outside its memory";
			return false;
		}
		leaf->entry = *(const volatile uint64_t *)leaf->source; /* read once */
		if (!(leaf->entry & PTE_P)) {
			*why = "not mapped in the driver VM";
			return false;
		}
		leaf->write &= !!(leaf->entry & PTE_W);
		if (level == 0 || (level <= 2 && (leaf->entry & PTE_PS))) {
			leaf->level = level;
			leaf->gpa = (leaf->entry & PTE_ADDR & ~mask) | (va & mask);
			return true;
		}
		leaf->upper[leaf->uppers++] = (struct upper){ leaf->source, leaf->entry };
		table = leaf->entry & PTE_ADDR;
	}
	return false;
}

/*
 * The cache attribute bits that give, in the hypervisor, the type the driver VM's entry gives in
 * its.
 */
static uint64_t type_bits(const struct leaf *leaf)
{
	struct vcpu_sysregs regs;
	uint64_t host = rdmsr(MSR_PAT);
	unsigned int index = (leaf->entry & PTE_PWT ? 1 : 0) | (leaf->entry & PTE_PCD ? 2 : 0) |
			     (leaf->entry & (leaf->level ? PTE_PAT_2M : PTE_PAT_4K) ? 4 : 0);
	uint8_t type;

	virt->sysregs_read(&w.dvm->vcpu, &regs);
	type = regs.pat >> 8 * index;
	for (unsigned int i = 0; i < 4;
	     i++) /* without the PAT bit, whose place depends on the size */
		if ((uint8_t)(host >> 8 * i) == type)
			return (i & 1 ? PTE_PWT : 0) | (i & 2 ? PTE_PCD : 0);
	return type == PAT_WB ? 0 : PTE_PCD | PTE_PWT;
}

static bool in_direct_map(dva_t va, const struct leaf *leaf)
{
	return va - w.direct_base == leaf->gpa && leaf->gpa < w.dvm->mem_size;
}

/* A few table pages serve all of vmalloc's region, so the list stays short. */
static void track_uppers(const struct leaf *leaf)
{
	for (unsigned int i = 0; i < leaf->uppers; i++) {
		unsigned int k = 0;

		while (k < upper_count && upper[k].source != leaf->upper[i].source)
			k++;
		upper[k] = leaf->upper[i];
		upper_count = MAX(upper_count, k + 1);
	}
}

/* Out of the window, and out of the other engine's region. */
static void drop(const struct tracked *t)
{
	uint64_t *e = entry_at(t->va, 0, false);

	if (e)
		*e = 0;
	invlpg((void *)t->va);
	stlb_drop(t->va);
}

/* Lookups miss the same page again and again where it shares its slot: it is known already. */
static bool is_tracked(dva_t page, const struct leaf *leaf)
{
	for (unsigned int i = 0; i < tracked_count; i++)
		if (tracked[i].va == page && tracked[i].source == leaf->source &&
		    tracked[i].value == leaf->entry)
			return true;
	return false;
}

static void track(dva_t va, const struct leaf *leaf)
{
	static unsigned int next;

	if (tracked_count < TRACKED) {
		next = tracked_count++;
	} else { /* full: the oldest leaves the window */
		next = (next + 1) % TRACKED;
		drop(&tracked[next]);
		window_stats.evicted++;
	}
	tracked[next] = (struct tracked){ va & PAGE_MASK, leaf->source, leaf->entry };
}

/*
 * R3: the window already says what it would be made to say, and still the access faulted: no fill
 * helps.
 */
static bool unchanged(dva_t va, int level, uint64_t val)
{
	const uint64_t *e = entry_at(va, level, false);

	return e && (*e & PTE_P) && !((*e ^ val) & ~(uint64_t)PTE_AD);
}

/* Sets a window entry, starting the window anew when its tables are used up. */
static void set_entry(dva_t va, int level, uint64_t val)
{
	uint64_t *e = entry_at(va, level, true);

	if (!e) {
		window_flush();
		e = entry_at(va, level, true);
		BUG_ON(!e);
	}
	*e = val;
	invlpg((void *)va);
}

/* What an address of the driver VM leads to. */
struct goal {
	struct leaf leaf;
	hpa_t hpa;
	bool bar;
	uint64_t flags; /* of an entry that maps it */
};

static bool resolve(dva_t va, bool write, struct goal *g, const char **why)
{
	bool nested_write;

	if (!walk(va, &g->leaf, why))
		return false;
	*why = "read-only in the driver VM";
	if (write && !g->leaf.write)
		return false;
	*why = "no memory of the driver VM's there";
	if (!virt->nested_lookup(w.dvm, g->leaf.gpa, &g->hpa, &nested_write) ||
	    (write && !nested_write))
		return false;
	g->bar = vpci_pass_may_map(w.nic, g->hpa);
	if (!g->bar && !phys_owned_by(g->hpa & PAGE_MASK, PAGE_SIZE, FRAME_VM + w.dvm->id))
		return false;
	g->flags = PTE_P | PTE_A | PTE_D | PTE_NX | (g->leaf.write && nested_write ? PTE_W : 0) |
		   (g->bar ? PTE_PCD | PTE_PWT : type_bits(&g->leaf));
	return true;
}

bool window_fill(dva_t va, bool write, bool fetch, const char **why)
{
	struct goal g;
	uint64_t val;
	bool large;

	window_stats.refused++; /* taken back on success */
	*why = fetch ? "instruction fetch from the driver VM's memory" : "no window is open";
	if (fetch || !w.dvm || !(va >> 63) || !resolve(va, write, &g, why))
		return false;
	/* Large only where source, RAM and direct map agree on all 2 MiB. */
	large = g.leaf.level >= 1 && !g.bar && in_direct_map(va, &g.leaf) &&
		!entry_at(va, 0, false) &&
		phys_owned_by(ALIGN_DOWN(g.hpa, MIB(2)), MIB(2), FRAME_VM + w.dvm->id);
	val = large ? ALIGN_DOWN(g.hpa, MIB(2)) | g.flags | PTE_PS : (g.hpa & PAGE_MASK) | g.flags;
	*why = "fault on a page that is mapped as the driver VM has it";
	if (unchanged(va, large, val))
		return false;
	window_stats.refused--;
	window_stats.fills++;
	window_stats.large_fills += large;
	window_stats.bar_fills += g.bar;
	if (upper_count + g.leaf.uppers > UPPERS)
		window_flush();
	set_entry(va, large, val);
	if (!in_direct_map(va, &g.leaf)) {
		track_uppers(&g.leaf);
		track(va, &g.leaf);
	}
	return true;
}

/* A lookup's address is what code computed: the walk would not see bits that no address has. */
uint64_t window_page(dva_t va, bool write, const char **why)
{
	struct goal g;

	*why = !w.dvm     ? "no window is open"
	       : va >> 63 ? "non-canonical address"
			  : "address in the lower half";
	if (!w.dvm || va >> 47 != 0x1ffff || !resolve(va, write, &g, why))
		return 0;
	if (!in_direct_map(va, &g.leaf) && !is_tracked(va & PAGE_MASK, &g.leaf)) {
		if (upper_count + g.leaf.uppers > UPPERS)
			window_flush();
		track_uppers(&g.leaf);
		track(va, &g.leaf);
	}
	return (g.hpa & PAGE_MASK) | g.flags;
}

void window_revalidate(void)
{
	window_stats.revalidations++;
	if (cold) {
		window_flush();
		return;
	}
	/* It changes a mapping only when it runs. */
	if (!rule || w.entries == w.dvm->entries)
		return;
	w.entries = w.dvm->entries;
	for (unsigned int i = 0; i < upper_count; i++)
		if ((*upper[i].source ^ upper[i].value) & ~(uint64_t)PTE_A) {
			window_stats.dropped += tracked_count;
			window_flush();
			return;
		}
	for (unsigned int i = 0; i < tracked_count; i++) {
		struct tracked *t = &tracked[i];

		if (!((*t->source ^ t->value) & ~(uint64_t)PTE_AD))
			continue;
		drop(t);
		*t = tracked[--tracked_count];
		i--;
		window_stats.dropped++;
	}
}

uint64_t window_pages(void)
{
	uint64_t n = 0;

	for (unsigned int t = 0; t < w.tables_used; t++)
		for (unsigned int i = 0; i < 512; i++)
			n += (w.table[t][i] & (PTE_P | PTE_NX)) == (PTE_P | PTE_NX);
	return n;
}

void window_set_rule(bool on)
{
	rule = on;
}

void window_set_cold(bool on)
{
	cold = on;
}

dva_t window_tracked(unsigned int n)
{
	return n < tracked_count ? tracked[n].va : 0;
}
