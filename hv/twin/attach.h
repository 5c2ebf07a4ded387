/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attaching the twin to the driver VM's running driver and taking it off again: at the wish of
 * castor, by monitor command, or because it died (R19). Everything here runs from the run loop,
 * interrupts off, outside an invocation.
 */
#ifndef HV_TWIN_ATTACH_H
#define HV_TWIN_ATTACH_H

#include "drivers/castor_abi.h"
#include "lib/types.h"
#include "vm/config.h"

struct vpci_pass;

enum attach_state { TWIN_ABSENT, TWIN_DETACHED, TWIN_ATTACHED, TWIN_DEAD };
enum attach_state attach_state(void);
const char *attach_state_name(void);

struct attach_counts {
	uint64_t attachments, deaths;
	char last_why[200]; /* of the last death */
};
const struct attach_counts *attach_counts(void);

/*
 * At boot: checks the .twin file, makes stacks and the port. Without a good file there is no
 * twin, and it says so.
 */
void attach_init(const struct config *cfg, struct vm *dvm, const struct vpci_pass *nic);

/* Castor's hypercalls; area is the shared memory. Results as in castor_abi.h. */
int64_t attach_query(struct castor_shared *area, uint64_t index);
int64_t attach_attach(struct castor_shared *area);
int64_t attach_detach(struct castor_shared *area);

/* Castor looked after the rings: takes donations and notices of frees, goes on transmitting. */
void attach_rings(struct castor_shared *area);

/* A new area: writes what castor needs to know before it asks. */
void attach_hello(struct castor_shared *area);

/* Whether castor should attach as soon as the interface is up. */
bool attach_wanted(void);

/*
 * The driver VM has ended: the twin is off, its buffers and everything castor said are forgotten,
 * there is no uplink.
 */
void attach_dvm_ended(void);

/*
 * Castor's word after CASTOR_EVENT_KILLED; whether it is awaited; whether it is missing for
 * CASTOR_ANSWER_S (R19).
 */
void attach_reset_done(void);
bool attach_reset_due(void);
bool attach_reset_overdue(void);

/* Castor's word that its bridge carries frames. */
void attach_bridge_open(void);

/*
 * From the run loop: the kill protocol when an invocation failed, queued upcalls. Cheap when
 * there is nothing. look: as for restart_poll().
 */
void attach_poll(bool look);

#endif
