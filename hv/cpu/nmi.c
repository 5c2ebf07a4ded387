/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NMI handler and its counters. */
#include "cpu/nmi.h"

#include "cpu/trap.h"
#include "debug/log.h"
#include "debug/stats.h"
#include "twin/load.h"
#include "twin/run.h"
#include "vm/sched.h"

#define HLT_LEN 1

struct nmi_counts nmi_counts;
static nmi_hook_fn *hook;
static uint64_t last_rip, last_rsp;

extern char cpu_idle_hlt[];

const char *nmi_place_name(enum nmi_place place)
{
	static const char *const names[NMI_PLACES] = {
		[NMI_TWIN] = "twin", [NMI_NATIVE] = "native", [NMI_MISS] = "miss",
		[NMI_TRAP] = "trap", [NMI_UPCALL] = "upcall", [NMI_VM] = "vm",
		[NMI_IDLE] = "idle", [NMI_HV] = "hv",
	};

	return names[place];
}

static bool in_handler(uint64_t rsp)
{
	return trap_on_stack(VEC_PF, rsp) || trap_on_stack(VEC_DB, rsp) ||
	       trap_on_stack(VEC_TIMER, rsp);
}

static enum nmi_place place_of(const struct trap_frame *frame)
{
	if (run_waits())
		return NMI_UPCALL;
	if (sched_inside())
		return NMI_VM;
	if (run_active() && trap_on_stack(VEC_PF, frame->rsp))
		return NMI_MISS;
	if (in_handler(frame->rsp))
		return NMI_TRAP;
	if (twin_has(frame->rip))
		return NMI_TWIN;
	if (run_active())
		return NMI_NATIVE;
	return frame->rip == (uint64_t)cpu_idle_hlt + HLT_LEN ? NMI_IDLE : NMI_HV;
}

/*
 * The IRET of this handler ends the shadow of the STI, so an interrupt that waited for the HLT
 * would be taken in front of it, and the HLT would sleep over what that one marked. Without the
 * HLT the run loop turns once for nothing.
 */
static void skip_hlt(struct trap_frame *frame)
{
	if (frame->rip != (uint64_t)cpu_idle_hlt)
		return;
	frame->rip += HLT_LEN;
	nmi_counts.hlt_skipped++;
}

void nmi_handle(struct trap_frame *frame)
{
	bool repeated = frame->rip == last_rip && frame->rsp == last_rsp;

	/* It has written over the frame of the one that it interrupted: there is no way back. */
	BUG_ON(trap_on_stack(VEC_NMI, frame->rsp));
	nmi_counts.taken++;
	nmi_counts.at[place_of(frame)]++;
	nmi_counts.off_stack += (uint64_t)(frame + 1) != trap_stack_top(VEC_NMI);
	skip_hlt(frame);
	last_rip = frame->rip;
	last_rsp = frame->rsp;
	if (hook)
		hook(repeated);
}

void nmi_set_hook(nmi_hook_fn *hook_)
{
	hook = hook_;
}

static void stats_nmi(void)
{
	json_u64("taken", nmi_counts.taken);
	for (int p = 0; p < NMI_PLACES; p++)
		json_u64(nmi_place_name(p), nmi_counts.at[p]);
	json_u64("hlt_skipped", nmi_counts.hlt_skipped);
	json_u64("off_stack", nmi_counts.off_stack);
	json_u64("stack_bytes", trap_stack_used(VEC_NMI));
}
STATS("nmi", stats_nmi);
