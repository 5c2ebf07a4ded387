/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transmit checksum offload (virtio 1.2 5.1.6.2.1): the device sums the bytes from csum_start to
 * the end and writes the result at csum_start + csum_offset, so it must find the pseudo-header's
 * sum there. lwIP leaves 0.
 */
#pragma once

#include "virtio/virtio_net.h"

/*
 * If `frame` is an unfragmented IPv4 TCP or UDP packet, store the pseudo-header's sum in its
 * checksum field and say where it is. Else leave it alone: fragments of a UDP datagram keep
 * checksum 0, which means "none".
 */
struct virtio_net_csum tx_csum_prepare(struct pbuf *frame);
