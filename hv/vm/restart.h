/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver VM's death and its next life (R19, R20). Dead is a driver VM that the hypervisor
 * ended for a fault, that reset itself, whose kernel said that it panics, that took no interrupt
 * for 5 s of its run time, in which no work item of its agent ran for so long (it never leaves a
 * softirq, say), or whose agent left an upcall or a death of the twin unanswered for 5 s.
 *
 * Then the twin is taken off, the network card made quiet (dev/nic_quiet.h), and the VM loaded
 * again from the boot modules: three times in 10 minutes, or as `restarts=` says. Meanwhile
 * guests' frames to the wire are lost, which TCP repairs. When it is not restarted, because that
 * budget is used up, the card does not get quiet, or the VM was ended on purpose, guests see their
 * links go down; `restart` in the monitor brings VM and links up again.
 */
#ifndef HV_VM_RESTART_H
#define HV_VM_RESTART_H

#include "vm/config.h"

/* After the VMs are built; cfg stays where it is. Nothing happens without a driver VM. */
void restart_init(const struct config *cfg);

/*
 * From the run loop, at each turn, interrupts off: nobody is in the driver VM or the twin. Cheap
 * while the driver VM lives; a restart takes as long as its memory is large, and nobody else runs
 * meanwhile. look: some timer fired since the last turn, so it is time for what goes by the clock.
 */
void restart_poll(bool look);

#endif
