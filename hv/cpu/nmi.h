/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Non-maskable interrupts. They come anywhere, also with interrupts off, so the handler touches
 * nothing but its own counters (R18): no lock, no timer, no window, no gs. One that comes while
 * another is handled waits in the CPU until that one's IRET; so the handler must never fault,
 * because the fault's IRET would let it in too early, onto the same stack.
 *
 * NMIs as such mean nothing here: they are counted by what they interrupted.
 */
#ifndef HV_CPU_NMI_H
#define HV_CPU_NMI_H

#include "lib/types.h"

struct trap_frame;

enum nmi_place {
	NMI_TWIN,   /* derived code */
	NMI_NATIVE, /* a native, or the way into or out of the twin */
	NMI_MISS,   /* the handler of a window miss */
	NMI_TRAP,   /* another handler */
	NMI_UPCALL, /* the twin waits for the driver VM, which runs or idles */
	NMI_VM,     /* a VM, or the switch into or out of it */
	NMI_IDLE,   /* HLT */
	NMI_HV,     /* the rest of the hypervisor */
	NMI_PLACES
};

struct nmi_counts {
	uint64_t taken, at[NMI_PLACES];
	uint64_t hlt_skipped; /* came between STI and HLT */
	uint64_t off_stack;   /* began elsewhere than on the top of its stack */
};
extern struct nmi_counts nmi_counts;

const char *nmi_place_name(enum nmi_place place);

/* From the trap entry. */
void nmi_handle(struct trap_frame *frame);

/* entry.S: halts until an interrupt was handled. Interrupts off before and after. */
void cpu_idle(void);

/*
 * Who makes NMIs on purpose (debug/nmi_source.c) is told of each, in the handler. repeated: it
 * interrupted just where the one before did.
 */
typedef void nmi_hook_fn(bool repeated);
void nmi_set_hook(nmi_hook_fn *hook);

#endif
