/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames of guests become socket buffers of the driver VM's, built anew from what the hypervisor
 * parsed of them (R17), in buffers of the pool.
 *
 * A plain frame lies in the linear buffer. A large one, which a guest leaves to the device to
 * segment (TSO), has its headers there and its payload in pages tied to the skb, as the kernel's
 * own TCP gives it to a driver, and the card cuts it; or its payload stays with the guest (loan.h).
 * Whether that, and checksums, may be left to the card is what the driver VM's interface says just
 * then (ethtool -K). What may not, or is no frame for it, is done in software (net/offload.h).
 * Interrupts off, outside an invocation.
 */
#ifndef HV_TWIN_FILL_H
#define HV_TWIN_FILL_H

#include "net/offload.h"
#include "twin/pool.h"

/*
 * Pages that frames under way may have: 16 of the largest frames. A ring of 256 descriptors, which
 * e1000 has if nobody changes it, takes 13, and more would only wait.
 */
#define FILL_PAGES 256

/*
 * What of a frame is left to the card. 0; -EAGAIN: it goes there as one, and the pages that it
 * takes are in frames under way, which bring them back.
 */
int fill_plan(const struct packet *pkt, struct offload_caps *caps);

/*
 * A frame in a buffer, NULL: the pool has none. Of a packet that passes as it is with fill_plan()'s
 * caps; or of an iterator over one that does not, FILL_PLAIN_MAX bytes at most.
 */
struct pool_object *fill_packet(const struct packet *pkt);
struct pool_object *fill_piece(struct offload_frame *f);

#define FILL_PLAIN_MAX (PACKET_MTU + ETH_HLEN + VLAN_HLEN)

/* Is it worth while to come again, with a frame that got none? */
bool fill_has_room(void);

#endif
