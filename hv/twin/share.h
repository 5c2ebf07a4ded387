/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may use the driver's transmit queue next (R10): guests, whose frames wait in the hypervisor
 * (transmit.h), or the driver VM, whose frames wait in its queue discipline. While both have some
 * they share by bytes. Whoever finds room takes all of it, and the hypervisor always comes first;
 * so guests stop when they are a quantum ahead, and go on when the driver VM has caught up, has no
 * frame left that waits, or has not used its turn in time. Counts only; interrupts off.
 */
#ifndef HV_TWIN_SHARE_H
#define HV_TWIN_SHARE_H

#include "lib/types.h"

#define SHARE_QUANTUM 65536     /* bytes: the largest frame that a driver takes (TSO) */
#define SHARE_CREDIT  (1 << 20) /* most that guests may catch up */
#define SHARE_TURN_US 20000     /* several VMs' slices: the driver VM must get to run */

/* Nobody of the driver VM waits: nothing is owed. */
void share_reset(void);

/* The driver VM waits. Is the next frame a guest's? false begins the driver VM's turn. */
bool share_guests_next(void);

/* The driver VM's turn, which is not over: guests' frames wait. */
bool share_guests_wait(void);

void share_guests_sent(uint32_t bytes); /* given to the driver */

/*
 * The card has sent a frame of the driver VM's. waits: more of them do. true: guests have waited
 * for that, and go on.
 */
bool share_dvm_sent(uint32_t bytes, bool waits);

#endif
