/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network of the machine: one switch, one network card per VM, the uplink. In bridge mode the
 * driver VM's card is the uplink, and Linux bridges it to the real card. Interrupts off, on the
 * boot CPU.
 */
#ifndef HV_NET_NET_H
#define HV_NET_NET_H

#include "lib/types.h"

struct vm;
struct net_switch;

void net_init(void);

/*
 * Gives a VM its virtio network card in a PCI slot, with an IOAPIC pin for INTA; the address is
 * vm->mac. 0; -EEXIST: another VM has that address, or the slot is taken; -ENOSPC. The driver
 * VM's card becomes the uplink if there is none.
 */
int net_add_nic(struct vm *vm, unsigned int slot, unsigned int pin);

/*
 * Moves frames. Called by the run loop at each exit and before it idles; cheap when nothing
 * waits.
 */
void net_poll(void);

/* Before the CPU halts: no VM wants the time that net_poll() leaves to them. True: poll again. */
bool net_end_rest(void);

/*
 * Takes what waits in the transmit ring of a VM that has a card, at most a ring full. Not inside of
 * net_poll().
 */
void net_drain(struct vm *vm);

/* Link state of all guests' cards: down when there is no way to the wire any more (R20). */
void net_set_links(bool up);

struct net_switch *net_switch(void);

#endif
