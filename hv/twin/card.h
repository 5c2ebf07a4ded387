/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the network card itself says of the way of frames. Its registers are read where the
 * hypervisor found them in configuration space, not where the driver's data, which may be wrong,
 * has them; nothing is written, and what is read has no side effect. One file for each driver
 * (drivers/NAME/card.c).
 */
#ifndef HV_TWIN_CARD_H
#define HV_TWIN_CARD_H

#include "lib/types.h"

struct vpci_pass;

struct card_sight {
	bool link;     /* the wire has a carrier */
	bool paused;   /* the other end has asked for no more frames */
	bool deaf;     /* the receiver is off or has no buffer left: no frame can come in */
	uint32_t head; /* moves with each frame that came in ... */
	uint32_t tail; /* ... and with each buffer that the driver brings */
};

/*
 * Once at boot, when the twin's file is known: maps the registers. Of a card that no file here
 * knows nothing is mapped.
 */
void card_prepare(const struct vpci_pass *nic);

bool card_is_known(void); /* its registers are mapped */

/*
 * The card has fetched each descriptor that it was told of: what it still reads of memory it has
 * read in a moment. false where it does not answer. Any context.
 */
bool card_sends_nothing(void);

/* false: nobody knows this card's registers, or it does not answer. Any context. */
bool card_look(struct card_sight *s);

/*
 * Inside an invocation: whether the driver resets, tests, opens or closes its card just now, as
 * its own flags say.
 */
bool card_driver_busy(void);

#endif
