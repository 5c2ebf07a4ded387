/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypervisor's side of castor.ko (drivers/castor_abi.h): its PCI device, its hypercalls, the
 * shared rings, events and upcalls. The shared area is the driver VM's memory: indices are read
 * once and bounded. Interrupts off, from the run loop or a hypercall, unless said otherwise.
 */
#ifndef HV_TWIN_CASTOR_H
#define HV_TWIN_CASTOR_H

#include "drivers/castor_abi.h"
#include "lib/types.h"

struct vcpu;
struct vm;

enum castor_ring_id {
	CASTOR_RING_DONATE,
	CASTOR_RING_GONE,
	CASTOR_RING_FREE,
	CASTOR_RING_RX,
	CASTOR_RING_BACK
};

/* Adds the device to the driver VM. 0, or as vpci_add(). */
int castor_init(struct vm *vm);

/*
 * A VMMCALL of a VM, rip already behind it. false: not from castor, nothing done (the caller
 * gives #UD).
 */
bool castor_hypercall(struct vcpu *vcpu);

#define CASTOR_ANSWER_S 5 /* without an answer for so long the driver VM is dead (R19) */

/* As after power-up: the driver VM starts anew. */
void castor_reset(void);

/* The shared area, or NULL before HELLO. */
struct castor_shared *castor_area(void);

/*
 * Producer side: 0, or -ENOSPC. Consumer side: false when empty. Also inside an invocation; what is
 * pushed there castor sees at its end.
 */
int castor_push(enum castor_ring_id ring, const struct castor_slot *slot);
bool castor_pop(enum castor_ring_id ring, struct castor_slot *slot);
bool castor_room(enum castor_ring_id ring);

/* Where a CASTOR_FRAME that is pushed next into ring rx has its bytes. There is room. */
uint8_t *castor_frame(void);

/*
 * An invocation begins: slots are held back. It ended: they are shown. It was killed: slots of a
 * ring that were not shown are taken back; how many.
 */
void castor_hold(void);
void castor_publish(void);
uint32_t castor_drop(enum castor_ring_id ring);

/* Sets event bits and raises the interrupt. Not inside an invocation. */
void castor_raise(uint32_t events);

/* Raises CASTOR_EVENT_RINGS if something was pushed since the last time. */
void castor_flush(void);

/*
 * Runs a function of the driver VM, in the context that is asked for, and waits for its result, one
 * at a time. 0, or -EIO: no answer within CASTOR_ANSWER_S, so the driver VM was killed. n <= 12
 * arguments.
 */
int castor_upcall(enum castor_context context, dva_t fn, const uint64_t *args, unsigned int n,
		  uint64_t *result);

#endif
