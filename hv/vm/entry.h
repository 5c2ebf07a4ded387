/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries of a VM by cause. An entry is one VMRUN (or VMRESUME): a world switch into the VM. Each
 * is counted once, under the interrupt that the VM's present activity began with, so that the
 * entries after exits of a handler (its EOI, its next deadline) count with what the handler was
 * run for; but for those that only go on, see below.
 *
 * An activity ends with HLT. The VM's own timer begins one only then; any other interrupt begins
 * one at once, so what is not the timer's is never counted as the timer's. The reverse happens.
 *
 * An entry that brings no interrupt and follows an exit by a physical one says nothing about the
 * VM: the machine took the CPU (the twin's card, another VM's turn) and gives it back. How many
 * of these an activity has depends on how long it takes, so they are counted apart.
 * Sum of entries = sum of exits (vm.exits), but for an entry that is under way.
 */
#ifndef HV_VM_ENTRY_H
#define HV_VM_ENTRY_H

struct vm;

enum entry_cause {
	ENTRY_START,   /* no interrupt since the VM was started */
	ENTRY_TIMER,   /* the VM's own local APIC timer */
	ENTRY_NIC,     /* pin of a physical device that was passed on */
	ENTRY_CARD,    /* virtio network card */
	ENTRY_CASTOR,  /* the agent's device; by event in the object `castor` */
	ENTRY_CONSOLE, /* serial port */
	ENTRY_RESUMED, /* goes on where a physical interrupt took the CPU from it */
	ENTRY_OTHER,   /* an interrupt that the VM sent to itself, a vector set up by nobody */
	ENTRY_CAUSES
};

const char *entry_cause_name(enum entry_cause cause);

/*
 * Right before each entry, interrupts off. vector: the interrupt that is offered with it
 * (vlapic_pending()), or negative.
 */
void entry_count(struct vm *vm, int vector);

#endif
