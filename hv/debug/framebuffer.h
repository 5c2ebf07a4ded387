/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The console on a screen of RGB pixels, for machines without a serial port: 8x16 characters, white
 * on black, output only. What the boot loader tells of the screen is checked first; a screen that
 * cannot be is not used. Interrupts off.
 */
#ifndef HV_DEBUG_FRAMEBUFFER_H
#define HV_DEBUG_FRAMEBUFFER_H

#include "boot/multiboot2.h"

/*
 * Takes the console over if it has no port and the loader gave a screen. Below 4 GiB it is drawn on
 * at once, through the boot mapping; framebuffer_leave() comes before that mapping goes.
 */
void framebuffer_init(const struct boot_info *boot);
void framebuffer_leave(void);

/* Behind paging_init(): maps the screen and draws what was written so far. */
void framebuffer_map(void);

#endif
