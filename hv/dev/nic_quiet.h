/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes a passed-through network card quiet whose VM has died (R20): it interrupts nobody and
 * writes no memory any more, and is as after power-up, so that the VM's memory may be used anew.
 * Sources: PCI Local Bus 3.0 6.2.2, PCI Express 2.0 6.6.2 (function reset), Intel's manual of the
 * 8254x 13.4 (CTRL, RCTL, TCTL, IMS, IMC), and Linux's e1000_reset_hw() for the order.
 */
#ifndef HV_DEV_NIC_QUIET_H
#define HV_DEV_NIC_QUIET_H

struct vpci_pass;

/*
 * Once at boot, before nic_quiet(): maps the registers that a reset of this card needs, so that the
 * hypervisor's own mappings do not change at a death.
 */
void nic_quiet_prepare(const struct vpci_pass *nic);

/*
 * Masks its pin, turns bus mastering off, resets the function, and reads all of that back. BARs are
 * where they were, decoding is on, bus mastering stays off until a driver turns it on. Takes up to
 * 120 ms, busy; logs what it found. 0; -EOPNOTSUPP: pin and bus mastering are off, but no way of
 * resetting this card is known; -EIO: it does not obey. Interrupts off, from the run loop; the VM
 * does not run meanwhile.
 */
int nic_quiet(const struct vpci_pass *nic);

#endif
