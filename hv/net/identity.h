/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whom a frame claims to be from, beyond its Ethernet source: the sender of an ARP message, the
 * source of an IPv4 packet. Pure. IPv6 and its neighbour discovery are not looked at.
 */
#ifndef HV_NET_IDENTITY_H
#define HV_NET_IDENTITY_H

#include "net/packet.h"

/*
 * Whether a station with this address may send the frame; src is the frame's Ethernet source and
 * already known to be the station's.
 *
 * Always: the sender of an ARP message has that hardware address too, so no message binds an IP
 * address to a third station. With ip != 0: ARP's and IPv4's sender is ip or 0.0.0.0 (a probe,
 * RFC 5227; a host without an address yet, RFC 1122 3.2.1.3), and what is too short to tell, or
 * behind a second VLAN tag, may not be sent.
 */
bool identity_holds(const struct packet *pkt, uint32_t ip);

#endif
