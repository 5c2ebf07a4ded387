/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The C side of enter.S: what derived code may call, and how the hypervisor calls it. */
#ifndef HV_TWIN_GATE_H
#define HV_TWIN_GATE_H

#include "drivers/twin_abi.h"
#include "lib/types.h"

#define TWIN_GATE_STUBS 256    /* upcall stubs, one per import */
#define TWIN_GATE_SPAN  MIB(1) /* of module text whose functions can be indirect targets */
#define TWIN_GATE_ALIGN 16
#define TWIN_GATE_SLOTS \
	(TWIN_GATE_SPAN / TWIN_GATE_ALIGN + 1) /* slot 0 refuses, slot 1 is the base itself */

/*
 * The judge bounds the stack of derived code over direct calls. Thunks refuse an indirect call
 * below TWIN_STACK_FLOOR bytes of stack, so derived code has both together at most, and what is
 * left is for natives and for an upcall, which runs the driver VM from here.
 */
#define TWIN_STACK_LIMIT 4096
#define TWIN_STACK_FLOOR 4096
#define TWIN_STACK_BYTES (16 * PAGE_SIZE)

/*
 * What gs names while the twin runs (gate_abi.h); one CPU, so one of it. The twin writes to block
 * as it likes. Trap handlers do not use gs (R18).
 */
struct twin_stlb_entry {
	uint64_t page, to_hv; /* dvm's page, or 1; that XOR the hypervisor's */
};

struct twin_cpu {
	uint8_t block[TWIN_GS_BLOCK_BYTES];
	struct twin_stlb_entry stlb[TWIN_STLB_ENTRIES]; /* stlb.h */
	uint64_t indirect_base, indirect_count, stack_floor;
	uint64_t indirect[TWIN_GATE_SLOTS];
};
extern struct twin_cpu twin_cpu;

/*
 * Address of the indirect-call thunk for a register (x86 number; 4 = rsp has none: 0). Its own
 * jump is a retpoline when the judge is strict.
 */
uint64_t twin_gate_thunk(unsigned int reg);

/* Address of the miss routine of lookups through a register (4 = rsp has none: 0). */
uint64_t twin_gate_miss(unsigned int reg);

/* Address of the upcall stub of an import. */
uint64_t twin_gate_upcall(uint32_t import);

/*
 * The indirect-call table. base: dva of the module section that all targets lie in; offset: of
 * the function in it. -EINVAL: unaligned, too far, or another section than before.
 */
void twin_gate_clear(void);
int twin_gate_set(uint64_t base, uint32_t offset, uint64_t code);

/* enter.S; see there. */
void twin_enter(uint64_t arg, void *stack_top, void (*body)(uint64_t arg));
uint64_t twin_call(uint64_t fn, uint64_t a, uint64_t b);
extern uint32_t twin_aborted;
extern const uint64_t *twin_frames_end; /* frames of derived code lie below; ours from here on */
void __noreturn twin_abort(void);

/* Called by enter.S (twin/run.c). */
uint64_t twin_upcall(uint32_t import, const uint64_t *reg_args, const uint64_t *stack_args);
void twin_refuse_indirect(uint64_t caller, uint64_t address);
void twin_refuse_depth(uint64_t caller);
void twin_refuse_stack(uint64_t rsp);
void twin_miss(uint64_t address, uint64_t caller); /* interrupts off; returns, or aborts */

#endif
