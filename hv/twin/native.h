/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Natives: support routines of the kernel that the hypervisor has itself, because they run on
 * every packet. Each behaves as Linux 6.1's routine of the same name as far as a network driver
 * can tell, and is safe for any caller and any argument (R7, R14). They run on the twin's stack,
 * interrupts on, and must be bounded in time. A module registers one by NATIVE("eth_type_trans",
 * native_eth_type_trans).
 */
#ifndef HV_TWIN_NATIVE_H
#define HV_TWIN_NATIVE_H

#include "lib/types.h"

struct native {
	const char *name;
	void *fn;
};

#define NATIVE(name_, fn_)                            \
	static const struct native native_entry_##fn_ \
		__attribute__((section(".native"), used, aligned(8))) = { name_, (void *)fn_ }

/* The native of a name, or NULL. */
const struct native *native_find(const char *name);

/* A native was given garbage: ends the present invocation and kills the twin, with this text. */
void __noreturn native_kill(const char *fmt, ...) __format(1, 2);

/* What the attachment knows; set by attach, zero otherwise (twin/run.c). Addresses are dva. */
struct vm;

struct twin_attachment {
	struct vm *dvm;
	dva_t netdev, napi, txq, jiffies, destructor, task;
	dva_t irq_desc, handler; /* of the device; the driver's interrupt handler */
	uint64_t page_offset_base, vmemmap_base;
	uint64_t percpu;    /* base of its CPU's variables: the kernel's GS base */
	uint64_t dvm_bytes; /* gpa end of its RAM */
	uint64_t dma_bytes; /* the same, or less where the device does not reach all of it */
	uint64_t dma_reach; /* end of what the device may be given, by its driver's DMA mask */
};
extern struct twin_attachment twin_att;

/* Raised by natives, looked at by the run loop after the activation. */
struct twin_pending {
	bool poll;     /* __napi_schedule */
	bool transmit; /* the queue may go on */
	bool wake_dvm; /* the dvm's own queue may have backlog */
};
extern struct twin_pending twin_pending;

/*
 * Does the driver VM itself wait for room in its transmit queue? Inside an invocation (win.h).
 */
bool native_dvm_waits(dva_t txq);

#endif
