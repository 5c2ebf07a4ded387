/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtual machine: the driver VM or a guest. Built at boot, never freed; a VM that dies stays
 * listed with its reason, and the driver VM is restarted (vm/restart.h). One vCPU for now.
 */
#ifndef HV_VM_VM_H
#define HV_VM_VM_H

#include "dev/rtc.h"
#include "dev/vioapic.h"
#include "dev/vlapic.h"
#include "dev/vpci.h"
#include "dev/vuart.h"
#include "vm/fpu.h"
#include "vm/vcpu.h"

#define VM_MAX      24
#define VM_NAME_LEN 12
#define VM_RAM_MAX  24 /* the driver VM's has the holes that the machine's has */

enum vm_kind { VM_DVM, VM_GUEST };
enum vm_state { VM_BUILT, VM_RUNNING, VM_STOPPED, VM_KILLED };

/* A piece of RAM, contiguous in gpa and hpa. */
struct vm_ram_range {
	gpa_t gpa;
	uint64_t size;
	uint8_t *hva;
};

struct vm {
	char name[VM_NAME_LEN];
	unsigned int id; /* index in vms[]; ASID is id + 1 */
	enum vm_kind kind;
	enum vm_state state;
	bool ended_on_purpose; /* powered off, or ended by the operator: not to be restarted */
	bool restart_due;      /* it starts again when no card reads its memory (vm/restart.c) */
	bool frozen;           /* alive, but gets no CPU time (vm/freeze.c) */
	uint64_t restarts;
	char reason[120];  /* first reason of VM_KILLED / VM_STOPPED */
	uint64_t mem_size; /* bytes asked for */
	uint8_t mac[6];
	uint32_t ip;       /* the only one that it may send from, or 0 */
	bool plain_frames; /* its card has no larger ones than the wire's */
	const char *cmdline;

	struct vm_ram_range ram[VM_RAM_MAX];
	unsigned int ram_count;
	gpa_t low_end;                       /* of its usable RAM below 1 MiB */
	const struct vm_ram_range *ram_last; /* of them, or NULL */
	void *nested_root;                   /* virt/nested.h */
	void *io_bitmap;                     /* vendor format */

	struct vcpu vcpu;
	struct fpu fpu;
	struct vlapic lapic;
	struct vioapic ioapic;
	struct vuart uart;
	struct rtc rtc;
	struct vpci_bus pci;
	struct virtio_net *vnic; /* its split-ring network card, or NULL */

	uint64_t exits[EXIT_KINDS];
	uint64_t entries, entries_by[ENTRY_CAUSES];
	uint64_t run_tsc;  /* TSC ticks inside the VM */
	uint64_t left_tsc; /* when it ran last */
	uint64_t paid_tsc; /* what its turns cost (vm/turn.h), ... */
	uint64_t owed_tsc; /* ... and the work on its frames since the last one */
	uint64_t unknown_msr, unknown_io;
};

extern struct vm *vms[VM_MAX];
extern unsigned int vm_count;

/*
 * The VM's own fault: stops it, keeps the first reason, prints one line and a dump. The caller
 * goes on with a harmless value; the run loop does not enter the VM again.
 */
void vm_kill(struct vm *vm, const char *fmt, ...) __format(2, 3);

/* The VM ended by itself (power off, reset). */
void vm_stop(struct vm *vm, const char *reason);

static inline bool vm_alive(const struct vm *vm)
{
	return vm->state == VM_RUNNING;
}

static inline bool vm_can_run(const struct vm *vm)
{
	return vm_alive(vm) && !vm->vcpu.halted && !vm->frozen;
}

/*
 * A clock, in TSC ticks, that stands still while other VMs run: the time that this one ran or
 * could have run.
 */
uint64_t vm_time(const struct vm *vm);

struct vm *vm_find(const char *name); /* NULL if there is none */

const char *vm_state_name(const struct vm *vm); /* one word */

#endif
