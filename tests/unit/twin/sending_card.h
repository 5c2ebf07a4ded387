/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The card and the timer that loans look at it by, as a test wants them. */
#ifndef UNIT_TWIN_SENDING_CARD_H
#define UNIT_TWIN_SENDING_CARD_H

#include "lib/types.h"

extern bool sending_card_is_known, sending_card_is_idle;

/* The timer that was armed is due: disarmed; false: there was none. */
bool sending_card_timer(void);

#endif
