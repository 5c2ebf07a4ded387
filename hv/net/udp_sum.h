/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The checksum of a short received UDP datagram. Its receiver's stack would sum it up by itself,
 * through a general walk over its buffer; here the bytes have just been copied. Longer ones it sums
 * up while it copies them, so those are left to it.
 */
#ifndef HV_NET_UDP_SUM_H
#define HV_NET_UDP_SUM_H

#include "net/packet.h"

/*
 * Whether the frame, all of which lies in the packet's head, is an unfragmented UDP datagram of
 * IPv4 with a checksum that is right (RFC 768). False says nothing: it may be of another kind.
 * Hostile input. Pure.
 */
bool udp_sum_holds(const struct packet *pkt);

#endif
