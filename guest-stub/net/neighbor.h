/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is the next hop's MAC address known? Senders that do not wait for answers (UDP) ask first: lwIP
 * keeps only a few packets while ARP is under way and drops the others.
 */
#pragma once

#include "lwip/ip_addr.h"

#include <stdbool.h>

/* True if packets to addr can go out now. Else an ARP request is sent; ask again later. */
bool neighbor_known(const ip_addr_t *addr);
