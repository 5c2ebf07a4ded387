/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the files of the network card only. */
#ifndef HV_NET_VIRTIO_NET_INTERNAL_H
#define HV_NET_VIRTIO_NET_INTERNAL_H

#include "net/virtio_net.h"

/* virtio_net_rx.c: see struct port_ops. */
int virtio_net_deliver(struct port *port, struct packet *pkt);
bool virtio_net_has_room(struct port *port);

/* virtio_net_tx.c */
int virtio_net_take(struct port *port);
bool virtio_net_sleep(struct port *port);
void virtio_net_chain_back(struct lender *lender, uint16_t chain); /* see struct lender */

#endif
