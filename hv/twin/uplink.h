/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The twin as a port of the switch, and as the uplink while it is attached. Taking from it runs
 * the driver's interrupt handler and NAPI poll; flushing it runs the driver's transmit function.
 */
#ifndef HV_TWIN_UPLINK_H
#define HV_TWIN_UPLINK_H

#include "lib/types.h"

struct port;

void uplink_init(void); /* adds the port; net_init() came before */
struct port *uplink_port(void);

/* Attach and detach: the addresses of the driver's functions, the physical pin. */
void uplink_open(unsigned int pin);
void uplink_close(void);

/* Is it the driver VM's own address? */
bool uplink_is_dvm_address(const uint8_t *mac);

/*
 * One NAPI poll, for the driver VM's own NAPI (castor). Returns packets done, or -EIO: the twin
 * died.
 */
int uplink_poll(unsigned int budget);

/* Frames may go out again: the pool or the driver's queue has room. */
void uplink_kick(void);

/*
 * Did an invocation fail since the last look? Set by the port, carried out by twin.c from the run
 * loop, where nothing is half-done (R19).
 */
bool uplink_failed(void);

/* Frames that the failed invocation had received to their end; 0: none failed. */
uint64_t uplink_delivered(void);

struct uplink_counts {
	uint64_t interrupts, not_ours, polls, packets;
	uint64_t passed; /* interrupts whose handler in the driver VM is not the driver's */
};
extern struct uplink_counts uplink_counts;

#endif
